/**
 * The method table: every method the daemon serves, as data. The dispatcher checks requests against it, and clients
 * and documents are made from it. Names and what each wants: Qubes Admin API 4.4; `bulkhead.*` are ours.
 */

/** Is it required, refused, or left to the caller? */
export type Wanted = 'required' | 'none' | 'optional';

/** Which domain may be the destination. */
export type Destination = 'adminvm' | 'domain' | 'any';

export interface Method {
  readonly destination: Destination;
  readonly argument: Wanted;
  readonly payload: Wanted;
  /** Reads, changes what is stored, or makes something run or stop. */
  readonly effect: 'read' | 'write' | 'execute';
  readonly doc: string;
}

function method(
  destination: Destination,
  argument: Wanted,
  payload: Wanted,
  effect: Method['effect'],
  doc: string,
): Method {
  return { destination, argument, payload, effect, doc };
}

export const METHODS = {
  'admin.vmclass.List': method('adminvm', 'none', 'none', 'read', 'Classes of domains, a line each.'),
  'admin.vm.List': method('any', 'none', 'none', 'read', 'Domains with class, state and uuid, a line each.'),

  'admin.vm.property.List': method('any', 'none', 'none', 'read', "Names of a domain's properties."),
  'admin.vm.property.Get': method(
    'any',
    'required',
    'none',
    'read',
    'Value and type of a property, and whether it is the default.',
  ),
  'admin.vm.property.GetAll': method(
    'any',
    'none',
    'none',
    'read',
    'All properties with their values, a line each.',
  ),
  'admin.vm.property.GetDefault': method(
    'any',
    'required',
    'none',
    'read',
    'The value a property has when it is given none.',
  ),
  'admin.vm.property.Help': method('any', 'required', 'none', 'read', 'What a property means.'),
  'admin.vm.property.Set': method('any', 'required', 'optional', 'write', 'Gives a property a value.'),
  'admin.vm.property.Reset': method(
    'any',
    'required',
    'none',
    'write',
    'Puts a property back to its default.',
  ),

  'admin.property.List': method('adminvm', 'none', 'none', 'read', "Names of the system's properties."),
  'admin.property.Get': method('adminvm', 'required', 'none', 'read', 'Value and type of a system property.'),
  'admin.property.GetAll': method(
    'adminvm',
    'none',
    'none',
    'read',
    'All system properties with their values.',
  ),
  'admin.property.GetDefault': method(
    'adminvm',
    'required',
    'none',
    'read',
    'The default of a system property.',
  ),
  'admin.property.Help': method('adminvm', 'required', 'none', 'read', 'What a system property means.'),
  'admin.property.Set': method(
    'adminvm',
    'required',
    'optional',
    'write',
    'Gives a system property a value.',
  ),
  'admin.property.Reset': method(
    'adminvm',
    'required',
    'none',
    'write',
    'Puts a system property back to its default.',
  ),

  'admin.vm.feature.List': method('any', 'none', 'none', 'read', "Names of a domain's features."),
  'admin.vm.feature.Get': method('any', 'required', 'none', 'read', 'Value of a feature.'),
  'admin.vm.feature.CheckWithTemplate': method(
    'any',
    'required',
    'none',
    'read',
    "Value of a feature, or its template's.",
  ),
  'admin.vm.feature.CheckWithNetvm': method(
    'any',
    'required',
    'none',
    'read',
    "Value of a feature, or its netvm's.",
  ),
  'admin.vm.feature.CheckWithAdminVM': method(
    'any',
    'required',
    'none',
    'read',
    "Value of a feature, or the AdminVM's.",
  ),
  'admin.vm.feature.CheckWithTemplateAndAdminVM': method(
    'any',
    'required',
    'none',
    'read',
    "Value of a feature, or its template's, or the AdminVM's.",
  ),
  'admin.vm.feature.Set': method(
    'any',
    'required',
    'optional',
    'write',
    'Gives a feature a value; empty means off.',
  ),
  'admin.vm.feature.Remove': method('any', 'required', 'none', 'write', 'Takes a feature away.'),

  'admin.vm.tag.List': method('any', 'none', 'none', 'read', "A domain's tags, a line each."),
  'admin.vm.tag.Get': method('any', 'required', 'none', 'read', '1 when the domain has the tag, else 0.'),
  'admin.vm.tag.Set': method('any', 'required', 'none', 'write', 'Gives the domain a tag.'),
  'admin.vm.tag.Remove': method('any', 'required', 'none', 'write', 'Takes a tag away.'),

  'admin.vm.notes.Get': method('any', 'none', 'none', 'read', "The user's notes on a domain."),
  'admin.vm.notes.Set': method('any', 'none', 'optional', 'write', "Replaces the user's notes on a domain."),

  'admin.vm.Create.AdminVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Refused: there is one host.',
  ),
  'admin.vm.Create.AppVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes an AppVM on the template named in the argument.',
  ),
  'admin.vm.Create.DispVM': method('adminvm', 'optional', 'required', 'write', 'Makes a named disposable.'),
  'admin.vm.Create.HVM': method('adminvm', 'optional', 'required', 'write', 'Makes an HVM.'),
  'admin.vm.Create.NetVM': method('adminvm', 'optional', 'required', 'write', 'Makes a NetVM.'),
  'admin.vm.Create.ProxyVM': method('adminvm', 'optional', 'required', 'write', 'Makes a ProxyVM.'),
  'admin.vm.Create.RemoteVM': method('adminvm', 'optional', 'required', 'write', 'Makes a RemoteVM.'),
  'admin.vm.Create.StandaloneVM': method('adminvm', 'optional', 'required', 'write', 'Makes a StandaloneVM.'),
  'admin.vm.Create.TemplateVM': method('adminvm', 'optional', 'required', 'write', 'Makes a TemplateVM.'),
  'admin.vm.CreateInPool.AppVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes an AppVM with volumes in named pools.',
  ),
  'admin.vm.CreateInPool.DispVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes a disposable with volumes in named pools.',
  ),
  'admin.vm.CreateInPool.HVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes an HVM with volumes in named pools.',
  ),
  'admin.vm.CreateInPool.NetVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes a NetVM with volumes in named pools.',
  ),
  'admin.vm.CreateInPool.ProxyVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes a ProxyVM with volumes in named pools.',
  ),
  'admin.vm.CreateInPool.StandaloneVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes a StandaloneVM with volumes in named pools.',
  ),
  'admin.vm.CreateInPool.TemplateVM': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Makes a TemplateVM with volumes in named pools.',
  ),
  'admin.vm.CreateDisposable': method(
    'any',
    'none',
    'optional',
    'write',
    'Makes a disposable from the destination (or its default) and answers its name.',
  ),
  'admin.vm.Remove': method('domain', 'none', 'none', 'write', 'Removes a domain and its data.'),

  'admin.vm.Start': method('domain', 'none', 'none', 'execute', 'Starts a domain.'),
  'admin.vm.Shutdown': method(
    'domain',
    'optional',
    'none',
    'execute',
    'Asks a domain to shut down; argument: force, wait, or both joined by +.',
  ),
  'admin.vm.Kill': method('domain', 'none', 'none', 'execute', 'Stops a domain at once.'),
  'admin.vm.Pause': method('domain', 'none', 'none', 'execute', 'Freezes a domain.'),
  'admin.vm.Unpause': method('domain', 'none', 'none', 'execute', 'Lets a frozen domain go on.'),
  'admin.vm.CurrentState': method(
    'any',
    'none',
    'none',
    'read',
    'Power state, memory and cpu time of a domain.',
  ),

  'admin.vm.volume.List': method('any', 'none', 'none', 'read', "Names of a domain's volumes."),
  'admin.vm.volume.Info': method(
    'domain',
    'required',
    'none',
    'read',
    'How a volume is configured, and its size and use.',
  ),
  'admin.vm.volume.ListSnapshots': method(
    'domain',
    'required',
    'none',
    'read',
    'Earlier states of a volume, oldest first.',
  ),
  'admin.vm.volume.Revert': method(
    'domain',
    'required',
    'optional',
    'write',
    'Puts a volume back to an earlier state.',
  ),
  'admin.vm.volume.CloneFrom': method(
    'domain',
    'required',
    'none',
    'read',
    'A token with which the volume can be cloned once.',
  ),
  'admin.vm.volume.CloneTo': method(
    'domain',
    'required',
    'required',
    'write',
    "Takes over the content of the token's volume.",
  ),
  'admin.vm.volume.Resize': method('domain', 'required', 'required', 'write', 'Makes a volume larger.'),
  'admin.vm.volume.Set.revisions_to_keep': method(
    'domain',
    'required',
    'required',
    'write',
    'How many earlier states are kept.',
  ),

  'admin.pool.List': method('adminvm', 'none', 'none', 'read', 'Names of the storage pools.'),
  'admin.pool.ListDrivers': method(
    'adminvm',
    'none',
    'none',
    'read',
    'Storage drivers with their parameters.',
  ),
  'admin.pool.Info': method(
    'adminvm',
    'required',
    'none',
    'read',
    'How a pool is configured, and its size and use.',
  ),

  'admin.label.List': method('adminvm', 'none', 'none', 'read', 'Names of the labels.'),
  'admin.label.Get': method('adminvm', 'required', 'none', 'read', 'Colour of a label.'),
  'admin.label.Index': method('adminvm', 'required', 'none', 'read', 'Number of a label.'),
  'admin.label.Create': method('adminvm', 'required', 'required', 'write', 'Makes a label of a colour.'),
  'admin.label.Remove': method(
    'adminvm',
    'required',
    'none',
    'write',
    'Removes a label that no domain carries.',
  ),

  'admin.deviceclass.List': method('adminvm', 'none', 'none', 'read', 'Classes of devices.'),

  'admin.Events': method(
    'any',
    'none',
    'none',
    'read',
    'Events of the system, or of one domain, until the client goes away.',
  ),

  'bulkhead.Status': method(
    'adminvm',
    'none',
    'none',
    'read',
    'Version, paths, engines and counts, as JSON.',
  ),
  'bulkhead.Check': method('adminvm', 'none', 'none', 'read', 'What is wrong with the system, as JSON.'),
  'bulkhead.Export': method(
    'adminvm',
    'none',
    'none',
    'read',
    'The system as a qubes.xml that Qubes would load.',
  ),
  'bulkhead.Import': method(
    'adminvm',
    'optional',
    'required',
    'write',
    'Takes over the domains of the qubes.xml at the path given; argument skip-existing keeps those of the same name. Answers a report as JSON.',
  ),
  'bulkhead.vm.GetAll': method(
    'adminvm',
    'none',
    'optional',
    'read',
    'Many or all properties of all domains in one answer, as JSON.',
  ),
  'bulkhead.template.Build': method(
    'domain',
    'required',
    'none',
    'execute',
    "Fills a template's root: from `host` or `debian`.",
  ),
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;

/** The declaration of a method by its untrusted name, or undefined. */
export function findMethod(untrustedName: string): Method | undefined {
  return Object.hasOwn(METHODS, untrustedName) ? METHODS[untrustedName as MethodName] : undefined;
}
