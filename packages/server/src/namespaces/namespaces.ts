/** Namespaces: separate key spaces on one server, each with its own token. */
import type { NamespaceFilter } from "@holdfast/actors";
import { defaultNamespace, HoldfastError, isNamespace, qualifiedName, splitName } from "@holdfast/core";
import { isSameText } from "../internal/same-text.ts";

/** One namespace of a server. */
export interface NamespaceOptions {
  /** Who sends it may call, manage and inspect the actors of the namespace; without one, the namespace is open. */
  readonly token?: string | undefined;
}

/** The namespaces beside the default one, which may be listed to give it a token. */
export type NamespacesOptions = Readonly<Record<string, NamespaceOptions>>;

export interface NamespacesConfig {
  readonly namespaces?: NamespacesOptions | undefined;
  /** A second name of the default namespace. */
  readonly ownName?: string | undefined;
  /** The names of the actors that the program defines. */
  readonly definitions: readonly string[];
}

/**
 * The namespaces of a server. A stored name is that of the definition, in the default namespace, or begins with the
 * namespace and a colon. A colon after anything that is not a namespace belongs to the name.
 */
export class Namespaces {
  /** False on a server with nothing but an open default namespace, where names need not be looked at. */
  readonly areMany: boolean;
  readonly #tokens: ReadonlyMap<string, string | undefined>;
  readonly #ownName: string;
  readonly #definitions: ReadonlySet<string>;

  /** Throws `gateway.invalid_config`. */
  constructor({ namespaces = {}, ownName = defaultNamespace, definitions }: NamespacesConfig) {
    const tokens = new Map<string, string | undefined>([[defaultNamespace, undefined]]);
    for (const [name, { token }] of Object.entries(namespaces)) {
      tokens.set(name === ownName ? defaultNamespace : name, token);
    }
    check([...Object.keys(namespaces), ownName], [...tokens.values()]);
    this.#tokens = tokens;
    this.#ownName = ownName;
    this.#definitions = new Set(definitions);
    const ambiguous = definitions.find((name) => this.#prefixOf(name) !== undefined);
    if (ambiguous !== undefined) throw invalid(`the name "${ambiguous}" of an actor begins with a namespace`);
    this.areMany = tokens.size > 1 || tokens.get(defaultNamespace) !== undefined;
  }

  /** The namespaces that stored names begin with. */
  get prefixes(): readonly string[] {
    return [...this.#tokens.keys()].filter((name) => name !== defaultNamespace);
  }

  /** The namespace of a stored name. */
  of(storedName: string): string {
    return this.#prefixOf(storedName)?.namespace ?? defaultNamespace;
  }

  /** The name of the definition, of a stored name. */
  bare(storedName: string): string {
    return this.#prefixOf(storedName)?.name ?? storedName;
  }

  /** The stored name for a name that a request addresses. Throws `namespace.unknown`. */
  stored(addressed: string): string {
    const split = splitName(addressed);
    if (split === undefined) return addressed;
    const { namespace, name } = split;
    if (namespace === this.#ownName || namespace === defaultNamespace) {
      // Only the default namespace has names with another's prefix: they are not its own.
      if (this.#prefixOf(name) !== undefined) throw unknown(name);
      return name;
    }
    if (this.#tokens.has(namespace) || this.#definitions.has(addressed)) return addressed;
    if (this.#definitions.has(name)) throw unknown(namespace);
    return addressed;
  }

  /** The route with the stored name of its actor. Throws `namespace.unknown`. */
  locate<R extends { readonly kind: string }>(route: R): R {
    if (!("target" in route)) return route;
    const target = route.target as { readonly name: string };
    const name = this.stored(target.name);
    return name === target.name ? route : { ...route, target: { ...target, name } };
  }

  /** The namespace that a request names; the default one if it names none. Throws `namespace.unknown`. */
  named(namespace: string | undefined): string {
    if (namespace === undefined || namespace === this.#ownName) return defaultNamespace;
    if (this.#tokens.has(namespace)) return namespace;
    throw unknown(namespace);
  }

  /** The stored name of an actor that another one of its namespace, or its client, calls `name`. */
  within(namespace: string, name: string): string {
    if (this.#prefixOf(name) === undefined) return qualifiedName(namespace, name);
    const message = `"${name}" is in another namespace. An actor reaches only actors of its own`;
    throw new HoldfastError("namespace", "forbidden", message, { statusCode: 403, metadata: { name } });
  }

  /** The filter for lists of all names of a namespace; undefined where there is only one. */
  filter(namespace: string): { readonly namespaces?: NamespaceFilter } {
    if (this.#tokens.size === 1) return {};
    if (namespace !== defaultNamespace) return { namespaces: { only: namespace } };
    const without = [...this.#tokens.keys()].filter((name) => name !== defaultNamespace);
    return { namespaces: { without } };
  }

  hasToken(namespace: string): boolean {
    return this.#tokens.get(namespace) !== undefined;
  }

  /** True if one of the texts is the token of the namespace. */
  opens(namespace: string, ...offered: readonly (string | undefined)[]): boolean {
    const token = this.#tokens.get(namespace);
    return token !== undefined && offered.some((text) => text !== undefined && isSameText(text, token));
  }

  /**
   * Admits a call with this token. A token of one namespace is refused by all others, those without a token included.
   * Throws `namespace.unauthorized`.
   */
  admit(namespace: string, token: string | undefined): void {
    if (this.opens(namespace, token)) return;
    if (this.hasToken(namespace) || this.isTokenOfAny(token)) throw unauthorized(namespace);
  }

  /** True if the text is the token of some namespace. */
  isTokenOfAny(text: string | undefined): boolean {
    return [...this.#tokens.keys()].some((namespace) => this.opens(namespace, text));
  }

  #prefixOf(storedName: string): ReturnType<typeof splitName> {
    const split = splitName(storedName);
    if (split === undefined || split.namespace === defaultNamespace) return undefined;
    return this.#tokens.has(split.namespace) ? split : undefined;
  }
}

function check(names: readonly string[], tokens: readonly (string | undefined)[]): void {
  for (const name of names) {
    if (isNamespace(name)) continue;
    throw invalid(`"${name}" is not the name of a namespace: use up to 63 letters, digits, "-" and "_"`);
  }
  const given = tokens.filter((token) => token !== undefined);
  if (given.some((token) => token.length < minTokenLength || !/^[!-~]+$/.test(token))) {
    throw invalid(`the token of a namespace has at least ${minTokenLength} visible ASCII characters`);
  }
  if (new Set(given).size < given.length) throw invalid("two namespaces have the same token");
}

const minTokenLength = 8;

function invalid(why: string): HoldfastError {
  const message = `The namespaces of the server are invalid: ${why}`;
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

function unknown(namespace: string): HoldfastError {
  const message = `This server has no namespace "${namespace}". Add it to the option "namespaces" of setup, or to HOLDFAST_NAMESPACES`;
  return new HoldfastError("namespace", "unknown", message, { statusCode: 404, metadata: { namespace } });
}

function unauthorized(namespace: string): HoldfastError {
  const message = `The token is not that of the namespace "${namespace}". Send its token: createClient({ namespace, token })`;
  return new HoldfastError("namespace", "unauthorized", message, {
    statusCode: 401,
    metadata: { namespace },
  });
}
