import { expect, test } from 'vitest';
import { ProgramError, runProgram } from '../../../../src/hypervisor/oci/run-program.ts';

test('gives back what a program prints, and hands it its input', async () => {
  const { stdout, stderr } = await runProgram(['sh', '-c', 'cat; echo err >&2'], {
    deadline: 5000,
    input: 'in',
  });
  expect([stdout, stderr]).toEqual(['in', 'err\n']);
});

test('arguments are arguments, not shell words', async () => {
  expect((await runProgram(['echo', '$HOME; `id` "'], { deadline: 5000 })).stdout).toBe('$HOME; `id` "\n');
});

test('a failure is told with the program’s last words, made printable', async () => {
  const failing = runProgram(['sh', '-c', 'printf "one\\ntwo \\033[31m\\n" >&2; exit 3'], { deadline: 5000 });
  await expect(failing).rejects.toThrow(/^sh .* failed \(exit 3\): one \| two \\x1b\[31m$/);
  await expect(failing).rejects.toBeInstanceOf(ProgramError);
});

test('an exit code that was expected is no failure', async () => {
  await runProgram(['sh', '-c', 'exit 3'], { deadline: 5000, accept: [3] });
});

test('a program that is not there is told as such', async () => {
  await expect(runProgram(['/no/such/program'], { deadline: 5000 })).rejects.toThrow(/ENOENT.*installed/);
});

test('at its deadline a program is killed with its children, and not waited for', async () => {
  const begun = performance.now();
  const hanging = runProgram(['sh', '-c', 'sleep 543.21 & sleep 543.21'], { deadline: 200 });
  await expect(hanging).rejects.toMatchObject({
    timedOut: true,
    message: expect.stringMatching(/within 200 ms/),
  });
  expect(performance.now() - begun).toBeLessThan(2000);
  await expect
    .poll(
      async () =>
        (await runProgram(['pgrep', '-x', '-f', 'sleep 543.21'], { deadline: 5000, accept: [1] })).stdout,
    )
    .toBe('');
});

test('a program that prints without end is read to its end, and only its beginning kept', async () => {
  const { stdout } = await runProgram(['head', '-c', '100000000', '/dev/zero'], { deadline: 10_000 });
  expect(stdout).toHaveLength(65_536);
});
