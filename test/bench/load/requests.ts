/** The bytes of one request of the Admin API, from dom0. Written apart from the client's, which it does not test. */
export function encode(method: string, dest: string, arg = '', payload = ''): Buffer {
  return Buffer.from(`${method}+${arg} dom0 name ${dest}\0${payload}`);
}

/** What a load may consist of. */
export type Operation =
  | 'admin.vm.List'
  | 'admin.vm.property.Get'
  | 'admin.vm.property.GetAll'
  | 'admin.vm.property.Set'
  | 'admin.vm.feature.Set'
  | 'admin.vm.Create.AppVM'
  | 'admin.vm.Remove';

/** Changes differ from those of any run before, so that no daemon can skip the write. */
let change = Date.now() % 1_000_000;

/** The nth request of an operation: on `domain`, or making and removing domains of `template` by number. */
export function requestOf(operation: Operation, domain: string, template: string): (index: number) => Buffer {
  switch (operation) {
    case 'admin.vm.List':
      return always(encode(operation, 'dom0'));
    case 'admin.vm.property.Get':
      return always(encode(operation, domain, 'memory'));
    case 'admin.vm.property.GetAll':
      return always(encode(operation, domain));
    case 'admin.vm.property.Set':
      return () => encode(operation, domain, 'memory', String(400 + (change++ % 97)));
    case 'admin.vm.feature.Set':
      return () => encode(operation, domain, 'bench', `v${change++}`);
    case 'admin.vm.Create.AppVM':
      return (index) => encode(operation, 'dom0', template, `name=bench-new-${index} label=red`);
    case 'admin.vm.Remove':
      return (index) => encode(operation, `bench-new-${index}`);
  }
}

function always(request: Buffer): () => Buffer {
  return () => request;
}
