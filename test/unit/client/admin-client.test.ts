import { describe, expect, it } from 'vitest';
import { MAX_REQUEST } from '../../../src/api/contract/request.ts';
import {
  PermissionDenied,
  ProtocolError,
  QubesException,
  QubesVMInUseError,
  QubesVMNotFoundError,
} from '../../../src/base/errors.ts';
import { AdminClient } from '../../../src/client/admin-client.ts';
import { DaemonNotRunningError } from '../../../src/client/connection.ts';
import { FakeRefusal, fakeDaemon } from './fake-daemon.ts';

describe('AdminClient', () => {
  it('sends a request as the protocol wants it and returns the answer', async () => {
    await using daemon = await fakeDaemon({ 'admin.vm.feature.Set': () => '' });
    const client = new AdminClient({ socket: daemon.socket });
    await client.domain('work').setFeature('gui', '1');
    expect(daemon.requests).toEqual([
      { method: 'admin.vm.feature.Set', arg: 'gui', source: 'dom0', dest: 'work', payload: '1' },
    ]);
  });

  it('reads a domain list', async () => {
    await using daemon = await fakeDaemon({
      'admin.vm.List': () =>
        'dom0 class=AdminVM state=Running uuid=0\nwork class=AppVM state=Halted uuid=1\n',
    });
    expect(await new AdminClient({ socket: daemon.socket }).list()).toEqual([
      { name: 'dom0', class: 'AdminVM', state: 'Running', uuid: '0' },
      { name: 'work', class: 'AppVM', state: 'Halted', uuid: '1' },
    ]);
  });

  it('rebuilds exceptions as the class of that name', async () => {
    const refusals = [
      ['QubesVMNotFoundError', QubesVMNotFoundError],
      ['QubesVMInUseError', QubesVMInUseError],
      ['PermissionDenied', PermissionDenied],
    ] as const;
    for (const [name, type] of refusals) {
      await using daemon = await fakeDaemon({
        'admin.vm.Start': () => new FakeRefusal(name, 'because 100%% so'),
      });
      const thrown = await new AdminClient({ socket: daemon.socket })
        .domain('x')
        .start()
        .catch((error) => error);
      expect(thrown).toBeInstanceOf(type);
      expect(thrown).toMatchObject({ name, message: 'because 100% so' });
    }
  });

  it.each(['KeyError', 'printable', 'toString', '__proto__', 'MAX'])(
    'keeps the unknown class name %s',
    async (name) => {
      await using daemon = await fakeDaemon({ 'admin.vm.Start': () => new FakeRefusal(name, 'why') });
      const thrown = await new AdminClient({ socket: daemon.socket })
        .domain('x')
        .start()
        .catch((error) => error);
      expect(Object.getPrototypeOf(thrown)).toBe(QubesException.prototype);
      expect(thrown).toMatchObject({ name, message: 'why' });
    },
  );

  it('fills in the arguments a Python daemon may send beside a message', async () => {
    await using daemon = await fakeDaemon({
      'admin.vm.Start': () => new FakeRefusal('QubesException', 'no %s in %s: %s\0this\0that'),
    });
    await expect(new AdminClient({ socket: daemon.socket }).domain('x').start()).rejects.toThrow(
      'no this in that: %s',
    );
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'answered nothing'],
    ['rubbish', Buffer.from('HTTP/1.1 400'), "not an answer: 'HTTP/1.1 400'"],
    ['an event', Buffer.from('1\0a\0b\0\0'), 'not an answer'],
  ])('refuses %s as an answer', async (_, bytes, message) => {
    await using daemon = await fakeDaemon({ 'admin.vm.List': () => bytes });
    const listing = new AdminClient({ socket: daemon.socket }).list();
    await expect(listing).rejects.toThrow(message);
    await expect(listing).rejects.toBeInstanceOf(ProtocolError);
  });

  it('says how to start a daemon that is not running', async () => {
    const listing = new AdminClient({ socket: '/nonexistent/qubesd.sock' }).list();
    await expect(listing).rejects.toBeInstanceOf(DaemonNotRunningError);
    await expect(listing).rejects.toThrow(/no answer at \/nonexistent\/qubesd.sock.*npm start/);
  });

  it('does not send what cannot travel', async () => {
    const client = new AdminClient({ socket: '/nonexistent/qubesd.sock' });
    await expect(client.domain('a b').start()).rejects.toThrow("'a b' holds a space");
    await expect(client.domain('a\0b').start()).rejects.toBeInstanceOf(ProtocolError);
    await expect(client.domain('a').setNotes('n'.repeat(MAX_REQUEST))).rejects.toThrow('too long');
  });

  it.each(['', 'a b', 'a\nb', 'é'])('%j is no name to create a domain by, and is not sent', async (name) => {
    await using daemon = await fakeDaemon({});
    const client = new AdminClient({ socket: daemon.socket });
    await expect(client.create({ class: 'AppVM', name, label: 'red' })).rejects.toThrow(/is not a name/);
    await expect(client.create({ class: 'AppVM', name: 'a', label: name })).rejects.toThrow(/is not a name/);
    expect(daemon.requests).toEqual([]);
  });

  it('creates in pools only when pools are named', async () => {
    await using daemon = await fakeDaemon({
      'admin.vm.Create.AppVM': () => '',
      'admin.vm.CreateInPool.AppVM': () => '',
    });
    const client = new AdminClient({ socket: daemon.socket });
    await client.create({ class: 'AppVM', name: 'a', label: 'red', template: 't' });
    await client.create({ class: 'AppVM', name: 'b', label: 'red', pools: { root: 'p', private: 'q' } });
    expect(daemon.requests.map(({ method, arg, payload }) => [method, arg, payload])).toEqual([
      ['admin.vm.Create.AppVM', 't', 'name=a label=red'],
      ['admin.vm.CreateInPool.AppVM', '', 'name=b label=red pool:private=q pool:root=p'],
    ]);
  });

  it('asks for a shutdown with the words Qubes uses', async () => {
    await using daemon = await fakeDaemon({ 'admin.vm.Shutdown': () => '' });
    const domain = new AdminClient({ socket: daemon.socket }).domain('a');
    await domain.shutdown();
    await domain.shutdown({ force: true, wait: true });
    expect(daemon.requests.map(({ arg }) => arg)).toEqual(['', 'force+wait']);
  });
});
