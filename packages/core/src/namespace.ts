/**
 * Names of actors in namespaces. An actor of the namespace "acme" is stored and addressed as "acme:counter"; those of
 * the default namespace have no prefix.
 */

/** The namespace of names without a prefix. */
export const defaultNamespace = "default";

const separator = ":";

/** True for 1 to 63 letters, digits, hyphens and underscores that begin with a letter or a digit. */
export function isNamespace(text: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,62}$/i.test(text);
}

/** The name as it is stored and sent. */
export function qualifiedName(namespace: string, name: string): string {
  return namespace === defaultNamespace ? name : `${namespace}${separator}${name}`;
}

/** Splits a name at its prefix; undefined without one. Only a server knows whether that is a namespace. */
export function splitName(name: string): { readonly namespace: string; readonly name: string } | undefined {
  const at = name.indexOf(separator);
  return at <= 0 ? undefined : { namespace: name.slice(0, at), name: name.slice(at + 1) };
}
