import type { Volume, VolumeConfig } from './volume.ts';

/** A place volumes live in. One driver a folder beside this file; each passes `test/contract/pool.contract.ts`. */
export interface Pool {
  readonly name: string;
  /** The driver's name, `dir`; with `config` it is what is stored: `<pool name= driver= .../>`. */
  readonly driver: string;
  readonly config: Readonly<Record<string, string>>;
  /** Makes the place ready; throws StoragePoolException saying what is missing. */
  setup(): Promise<void>;
  /** A handle; the volume need not exist yet. Throws StoragePoolException on a `vid` that could leave the pool. */
  volume(config: VolumeConfig): Volume;
  /** `vid`s of every volume that exists. */
  list(): Promise<readonly string[]>;
  /** Bytes of the whole place and of what is used in it. */
  usage(): Promise<{ readonly size: number; readonly used: number }>;
}

/** What a driver registers: how to make a pool of its kind. */
export interface PoolDriver {
  readonly name: string;
  /** Names of the configuration values it understands, `dir_path`. */
  readonly parameters: readonly string[];
  /** Throws QubesValueError on an unknown or missing parameter. */
  open(name: string, config: Readonly<Record<string, string>>): Pool;
}
