import type { DomainModel, Known } from './model.ts';
import { FRESH } from './model.ts';
import type { Random } from './random.ts';
import type { TestDaemon } from './test-daemon.ts';

/** One change a client asks for, and what there is when it was acknowledged. */
interface Step {
  readonly what: string;
  readonly after: Known;
  run(): Promise<unknown>;
}

/** What may be found after a crash: what was acknowledged last, or what was asked for and not acknowledged. */
export interface Expected {
  readonly acknowledged: Known;
  readonly asked?: { readonly what: string; readonly after: Known };
}

const LABELS = ['red', 'green', 'blue', 'yellow'];

/**
 * A client that works on domains of its own, one change after another, and remembers what it was told. Everything it
 * asks is in order, so that any refusal is a fault.
 */
export class CrashClient {
  readonly #daemon: TestDaemon;
  readonly #random: Random;
  readonly #known = new Map<string, Known>();
  readonly #netvm: string;
  #asked: { readonly name: string; readonly step: Step } | undefined;
  #acknowledged = 0;

  constructor(daemon: TestDaemon, random: Random, names: readonly string[], netvm: string) {
    this.#daemon = daemon;
    this.#random = random;
    this.#netvm = netvm;
    for (const name of names) this.#known.set(name, undefined);
  }

  /** Changes that were acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Changes domains until `isOver`; a failure after that is the daemon's end, one before it is thrown. */
  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        await (this.#random.below(8) === 0 ? this.#useDisposable() : this.#changeSomething());
        this.#acknowledged += 1;
      } catch (error) {
        if (isOver()) return;
        throw new Error(`refused: ${this.#asked?.step.what}`, { cause: error });
      }
    }
  }

  /** What a restarted daemon may say of the client's domains. */
  expected(): Map<string, Expected> {
    return new Map(
      [...this.#known].map(([name, acknowledged]) => {
        const asked = this.#asked?.name === name ? this.#asked.step : undefined;
        return [name, { acknowledged, ...(asked ? { asked } : {}) }];
      }),
    );
  }

  /** Takes what was found as the truth from now on. */
  learn(name: string, found: Known): void {
    this.#known.set(name, found);
    if (this.#asked?.name === name) this.#asked = undefined;
  }

  async #changeSomething(): Promise<void> {
    const name = this.#random.pick([...this.#known.keys()]);
    const step = this.#nextStep(name, this.#known.get(name));
    this.#asked = { name, step };
    await step.run();
    this.#known.set(name, step.after);
    this.#asked = undefined;
  }

  /** It must leave nothing, whenever the daemon is killed. */
  async #useDisposable(): Promise<void> {
    const { stdout } = await this.#daemon.exec('@dispvm', ['echo', 'hi'], { autostart: true });
    if (stdout !== 'hi\n') throw new Error(`a disposable said '${stdout}'`);
  }

  #nextStep(name: string, known: Known): Step {
    if (!known) return this.#creation(name);
    const steps = [this.#setting(name, known), this.#setting(name, known), this.#turn(name, known)];
    if (known.state === 'Halted')
      steps.push({
        what: `remove ${name}`,
        after: undefined,
        run: () => this.#daemon.client.domain(name).remove(),
      });
    return this.#random.pick(steps);
  }

  #creation(name: string): Step {
    const [type, label] = [
      this.#random.pick(['AppVM', 'AppVM', 'NetVM', 'DispVM']),
      this.#random.pick(LABELS),
    ];
    const template = type === 'DispVM' ? 'dvm' : 'host';
    return {
      what: `create ${type} ${name}`,
      after: { ...FRESH, class: type, label },
      run: () => this.#daemon.client.create({ class: type, name, label, template }),
    };
  }

  /** A change of what is stored of a domain. */
  #setting(name: string, known: DomainModel): Step {
    const domain = this.#daemon.client.domain(name);
    const value = String(this.#random.below(1000));
    const step = (what: string, after: Partial<DomainModel>, run: () => Promise<unknown>): Step => ({
      what: `${what} of ${name}`,
      after: { ...known, ...after },
      run,
    });
    const label = this.#random.pick(LABELS);
    const memory = String(200 + Number(value));
    const key = `key${this.#random.below(3)}`;
    const { [key]: _, ...otherFeatures } = known.features;
    const tag = `tag${this.#random.below(3)}`;
    const otherTags = known.tags.filter((other) => other !== tag);
    return this.#random.pick([
      step(`label ${label}`, { label }, () => domain.properties.set('label', label)),
      step(`memory ${memory}`, { memory }, () => domain.properties.set('memory', memory)),
      step('no memory', { memory: 'default' }, () => domain.properties.reset('memory')),
      step(`feature ${key}=${value}`, { features: { ...known.features, [key]: value } }, () =>
        domain.setFeature(key, value),
      ),
      ...(key in known.features
        ? [step(`no feature ${key}`, { features: otherFeatures }, () => domain.removeFeature(key))]
        : []),
      ...(known.tags.includes(tag)
        ? [step(`no tag ${tag}`, { tags: otherTags }, () => domain.removeTag(tag))]
        : [step(`tag ${tag}`, { tags: [...known.tags, tag].sort() }, () => domain.addTag(tag))]),
      step(`notes ${value}`, { notes: `note\n${value}` }, () => domain.setNotes(`note\n${value}`)),
      ...(known.class === 'AppVM'
        ? [step('netvm', { netvm: this.#netvm }, () => domain.properties.set('netvm', this.#netvm))]
        : []),
    ]);
  }

  /** Another power state. */
  #turn(name: string, known: DomainModel): Step {
    const domain = this.#daemon.client.domain(name);
    const step = (what: string, state: DomainModel['state'], run: () => Promise<unknown>): Step => ({
      what: `${what} ${name}`,
      after: { ...known, state },
      run,
    });
    if (known.state === 'Halted') return step('start', 'Running', domain.start);
    if (known.state === 'Paused')
      return this.#random.pick([
        step('unpause', 'Running', domain.unpause),
        step('kill paused', 'Halted', domain.kill),
      ]);
    return this.#random.pick([
      step('pause', 'Paused', domain.pause),
      step('kill', 'Halted', domain.kill),
      step('shut down', 'Halted', () => domain.shutdown({ wait: true })),
      step('run in', 'Running', () => this.#daemon.shell(name, 'echo run >> /home/user/ran')),
    ]);
  }
}
