/** A daemon to be killed: starts and removes one domain over and over, saying where it is. */
import { engine } from './fixture.ts';

const [directory, specJson] = process.argv.slice(2);
if (!directory || !specJson) throw new Error('usage: start-then-die DIRECTORY SPEC');
const hypervisor = engine(directory);
const spec = JSON.parse(specJson);
for (;;) {
  process.stdout.write('start\n');
  await hypervisor.start(spec);
  process.stdout.write('kill\n');
  await hypervisor.kill(spec.uuid);
  process.stdout.write('clean\n');
  await hypervisor.cleanUp(spec.uuid);
}
