/** What a domain is doing, in the words of `admin.vm.List` (Qubes 4.4). */
export type PowerState =
  | 'Halted'
  /** Coming up or going through a change nobody may rely on yet. */
  | 'Transient'
  | 'Running'
  | 'Paused'
  | 'Suspended'
  /** Asked to stop, not stopped yet. */
  | 'Dying'
  | 'Crashed'
  /** Cannot be known: the record is broken, or the domain stands for one elsewhere. */
  | 'NA';
