/** The generator: a process of its own, told what to do over IPC, so that it shares no event loop with what it asks. */
import { messageOf } from '../../../src/base/errors.ts';
import { type StartTask, startAndAsk } from './first-answer.ts';
import { type ListenersTask, timeToListeners } from './listeners.ts';
import { type Extent, load, type Summary } from './load.ts';
import { type Operation, requestOf } from './requests.ts';

export interface LoadTask {
  readonly kind: 'load';
  readonly socket: string;
  readonly operation: Operation;
  readonly domain: string;
  readonly template: string;
  readonly clients: number;
  readonly extent: Extent;
}

export type Task = LoadTask | ListenersTask | StartTask;

function carryOut(task: Task): unknown {
  switch (task.kind) {
    case 'load':
      return carryOutLoad(task);
    case 'listeners':
      return timeToListeners(task);
    case 'start':
      return startAndAsk(task);
  }
}

function carryOutLoad({ socket, operation, domain, template, clients, extent }: LoadTask): Summary {
  return load(socket, requestOf(operation, domain, template), clients, extent);
}

process.on('message', (task: Task) => {
  try {
    process.send?.({ result: carryOut(task) });
  } catch (error) {
    process.send?.({ failure: messageOf(error) });
  }
});
