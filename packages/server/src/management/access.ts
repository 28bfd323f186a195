/** Management over HTTP: find, count, sleep, export and destroy actors. */
import { readInspectorToken } from "@holdfast/actors";
import { type ActorTarget, header } from "@holdfast/client";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { isLoopbackHost } from "../gateway/http/host-name.ts";
import { isSameText } from "../internal/same-text.ts";

/** A request to manage or inspect; nothing has been woken or read yet. */
export interface ManageInfo {
  readonly kind:
    | "list"
    | "count"
    | "info"
    | "destroy"
    | "sleep"
    | "inspect"
    | "metrics"
    | "documents"
    | "cluster"
    | "profile";
  readonly actor: string | undefined;
  /** The namespace whose actors it is about; undefined for the whole server. */
  readonly namespace: string | undefined;
  readonly key: readonly string[] | undefined;
  readonly id: string | undefined;
  readonly method: string;
  /** True if the caller is a program on this machine, without a proxy in between, and not a page of another origin. */
  readonly isLocal: boolean;
  /** Returns a request header by its lower-case name. */
  header(name: string): string | undefined;
}

/** Who may use management, inspector, documents and metrics. */
export interface InspectorOptions {
  /** False disables management, inspector, documents and metrics over the network. True by default. */
  readonly enabled?: boolean;
  /** A bearer of this token may do everything: `authorization: Bearer <token>`. */
  readonly token?: string;
  /** A bearer of this token may read the metrics, and nothing else: for a scraper. */
  readonly metricsToken?: string;
}

export interface ManageAccessOptions {
  /** True if the Host header was not checked: then a page may have rebound its own name to this machine. */
  readonly anyHost?: boolean;
  /** True for calls of actors and of the program, which may do everything. */
  readonly isInternal?: boolean;
  readonly inspector?: InspectorOptions | undefined;
  /** Throws to refuse. */
  readonly manage?: ((info: ManageInfo) => Promise<void> | void) | undefined;
}

/** The sender of a request. */
export interface Peer {
  readonly method: string;
  /** The remote address of the socket; undefined if it is unknown. */
  readonly peer: string | undefined;
  header(name: string): string | undefined;
}

/**
 * Decides who may manage and inspect: the owner of the server, by the `manage` hook or the token; the bearer of an
 * actor's own token, for that actor; and without hook and token, callers on this machine.
 */
export class ManageAccess {
  readonly #options: ManageAccessOptions;
  readonly #directory: Directory;

  constructor(options: ManageAccessOptions, directory: Directory) {
    this.#options = options;
    this.#directory = directory;
  }

  get enabled(): boolean {
    return this.#options.inspector?.enabled !== false;
  }

  /**
   * Resolves with the rights of the caller: to an actor, to a namespace, or to the whole server. Throws `inspector.unauthorized`, the error of the hook, or
   * `gateway.not_found` if it is disabled.
   */
  async admit(
    kind: ManageInfo["kind"],
    peer: Peer,
    about: ActorTarget | { readonly namespace: string } | undefined,
    offered?: string,
  ): Promise<"owner" | "actor"> {
    if (!this.enabled) throw new HoldfastError("gateway", "not_found", "There is nothing at this path");
    const { manage, inspector, isInternal } = this.#options;
    if (isInternal === true) return "owner";
    const { namespaces } = this.#directory;
    const target = about !== undefined && "name" in about ? about : undefined;
    const namespace = about !== undefined && "namespace" in about ? about.namespace : undefined;
    const space = target === undefined ? namespace : namespaces.of(target.name);
    // Our clients send the token of their endpoint in a header of its own.
    const known = peer.header(header.token);
    if (known !== undefined && inspector?.token !== undefined && isSameText(known, inspector.token)) {
      return "owner";
    }
    const bearer = offered ?? bearerOf(peer.header("authorization"));
    if (space !== undefined && namespaces.opens(space, known, bearer)) return "owner";
    if (bearer !== undefined) {
      if (inspector?.token !== undefined && isSameText(bearer, inspector.token)) return "owner";
      if (kind === "metrics" && isMetricsToken(bearer, inspector)) return "owner";
      if (kind === "inspect" && target !== undefined && (await this.#isActorToken(target, bearer))) {
        return "actor";
      }
      if (manage === undefined) throw unauthorized();
    }
    if (manage !== undefined) {
      const actor = target && { ...target, name: namespaces.bare(target.name) };
      await ask(manage, { ...infoOf(kind, peer, actor, this.#isLocal(peer)), namespace: space });
      return "owner";
    }
    if (inspector?.token !== undefined || !this.#isLocal(peer)) throw unauthorized();
    if ((space !== undefined && namespaces.hasToken(space)) || namespaces.isTokenOfAny(known)) {
      throw unauthorized();
    }
    return "owner";
  }

  #isLocal(peer: Peer): boolean {
    const mayBeRebound = this.#options.anyHost === true && !isLoopbackHost(peer.header("host"));
    return isOfThisMachine(peer) && !mayBeRebound;
  }

  /** Reads only the store: an unauthenticated caller must not wake an actor. */
  async #isActorToken(target: ActorTarget, bearer: string): Promise<boolean> {
    try {
      const { id } = await this.#directory.resolve(asGet(target));
      const token = await readInspectorToken(this.#directory.store, id);
      return token !== undefined && isSameText(bearer, token);
    } catch (error) {
      if (isHoldfastError(error) && error.group === "actor") return false;
      throw error;
    }
  }
}

async function ask(manage: NonNullable<ManageAccessOptions["manage"]>, info: ManageInfo): Promise<void> {
  try {
    await manage(info);
  } catch (error) {
    if (isHoldfastError(error) && error.group === "auth" && error.code === "unauthorized") {
      throw unauthorized();
    }
    throw error;
  }
}

function infoOf(
  kind: ManageInfo["kind"],
  peer: Peer,
  target: ActorTarget | undefined,
  isLocal: boolean,
): Omit<ManageInfo, "namespace"> {
  return {
    isLocal,
    kind,
    actor: target?.name,
    key: target === undefined || target.type === "id" ? undefined : target.key,
    id: target?.type === "id" ? target.id : undefined,
    method: peer.method,
    header: (name) => peer.header(name),
  };
}

/** Never creates an actor. */
export function asGet(target: ActorTarget): ActorTarget {
  return target.type === "id" ? target : { type: "get", name: target.name, key: target.key };
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

const proxyHeaders = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** A program on this machine, or a page of this very server: no other page, and no proxy in between. */
function isOfThisMachine(peer: Peer): boolean {
  if (peer.peer === undefined || !isLoopbackAddress(peer.peer)) return false;
  if (proxyHeaders.some((name) => peer.header(name) !== undefined)) return false;
  const origin = peer.header("origin");
  const host = peer.header("host");
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return false;
  const site = peer.header("sec-fetch-site");
  return site === undefined || site === "same-origin" || site === "none";
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127(?:\.\d{1,3}){3}$/.test(address);
}

function isMetricsToken(bearer: string, inspector: InspectorOptions | undefined): boolean {
  return inspector?.metricsToken !== undefined && isSameText(bearer, inspector.metricsToken);
}

function unauthorized(): HoldfastError {
  const message = "Send the token of the inspector or of the namespace: authorization: Bearer <token>";
  return new HoldfastError("inspector", "unauthorized", message, { statusCode: 401 });
}
