/** The WebSockets of one object: connections of clients, which outlive its memory, and raw ones. */
import { isRetryable, subprotocol } from "@holdfast/client";
import { HoldfastError, toWireError } from "@holdfast/core";
import {
  accessInfo,
  authenticate,
  type Directory,
  type Gateway,
  localPath,
  onAccessChange,
  RawSession,
  type Route,
  routeNotFound,
  Session,
  socketPrefix,
  urlOf,
  visibleError,
  withoutSignal,
} from "@holdfast/server/embedded";
import { durableObjectLimits } from "../limits.ts";
import { type ObjectState, socketPair, upgradeResponse, type WorkerSocket } from "../platform.ts";
import { type Attachment, Attachments } from "./attachment.ts";
import { ObjectSocket } from "./object-socket.ts";
import { Offered } from "./offered.ts";
import { RawPeer } from "./raw-peer.ts";

export interface ObjectSocketsOptions {
  readonly state: ObjectState;
  readonly directory: Directory;
  /** Of clients. */
  readonly gateway: Gateway;
}

type Target = Extract<Route, { readonly kind: "connect" | "websocket" }>["target"];

/** A request for a WebSocket, as far as it has been read. */
interface Upgrade {
  readonly request: Request;
  readonly gateway: Gateway;
  readonly offered: Offered;
  /** The head as hooks see it. */
  readonly shown: Request;
  readonly target: Target;
}

export class ObjectSockets {
  readonly #options: ObjectSocketsOptions;
  readonly #attachments: Attachments;
  readonly #open = new Map<WorkerSocket, ObjectSocket>();

  constructor(options: ObjectSocketsOptions) {
    this.#options = options;
    this.#attachments = new Attachments(options.state.storage.sql);
    for (const socket of options.state.getWebSockets()) this.#restore(socket);
  }

  /** Accepts an upgrade. A refusal is a close with a reason, because browsers see nothing else. */
  accept(request: Request, gateway: Gateway): Response {
    const offered = new Offered(request.headers);
    const { pathname, search } = new URL(request.url);
    const path = localPath(`${pathname}${search}`, gateway.options.basePath);
    if (path === undefined) throw routeNotFound();
    const route = gateway.routeOf(path);
    if (route.kind === "websocket") return this.#acceptRaw(request, gateway, offered, route);
    const [client, socket] = socketPair();
    const own = this.#socket(socket, offered.encoding, () => this.#options.state.acceptWebSocket(socket));
    const refuse = (error: unknown): void => this.#refuse(own, error);
    try {
      if (route.kind !== "connect") throw routeNotFound();
      if (!offered.protocols.includes(subprotocol)) throw unsupportedProtocol();
      const shown = new Request(urlOf(new URL(request.url).host, path), { headers: request.headers });
      this.#admit(own, { request, gateway, offered, shown, target: route.target }, refuse);
    } catch (error) {
      refuse(error);
    }
    return upgradeResponse(client, offered.protocols.includes(subprotocol) ? subprotocol : undefined);
  }

  message(socket: WorkerSocket, data: string | ArrayBuffer): void {
    this.#open.get(socket)?.message(data);
  }

  closed(socket: WorkerSocket, code: number, reason: string): void {
    const own = this.#open.get(socket);
    this.#open.delete(socket);
    own?.closed(code, reason);
  }

  #socket(socket: WorkerSocket, encoding: ObjectSocket["encoding"], hibernate?: () => void): ObjectSocket {
    const { maxIncomingBytes } = this.#options.gateway;
    const own = new ObjectSocket({
      ...{ socket, encoding, maxIncomingBytes, attachments: this.#attachments },
      ...(hibernate === undefined ? {} : { hibernate }),
    });
    this.#open.set(socket, own);
    return own;
  }

  #admit(socket: ObjectSocket, upgrade: Upgrade, refuse: (error: unknown) => void): void {
    const { gateway, target, shown, offered } = upgrade;
    const { directory } = this.#options;
    const { params, events, resume } = offered;
    check(upgrade);
    const { access } = gateway.options;
    const head = headOf(upgrade);
    const { namespaces } = directory;
    const open = (auth: unknown): void => {
      const session = new Session({
        ...{ directory, target, params, auth, request: shown, output: socket, resume, events },
        maxOutgoingBytes: gateway.maxOutgoingBytes,
        allowCall:
          access && ((kind, name) => withoutSignal(access(accessInfo(namespaces, kind, head, target, name)))),
      });
      socket.attach(session, target.name, this.#livenessOf(target.name));
    };
    const next = (until?: AbortSignal): void => {
      onAccessChange(until, (code, reason) => socket.close(code, reason));
      authenticate(gateway, { intents: ["connect"], target, params, request: () => shown }, open, refuse);
    };
    gateway.admit(accessInfo(namespaces, "connect", head, target), next, refuse);
  }

  #livenessOf(name: string): { readonly intervalMs: number; readonly timeoutMs: number } | undefined {
    const options = this.#options.directory.optionsOf(name);
    const { minHeartbeatMs, minHeartbeatTimeoutMs } = durableObjectLimits;
    const { connectionLivenessInterval: interval = 0, connectionLivenessTimeout: timeout = 0 } =
      options ?? {};
    if (interval === 0 || timeout === 0) return undefined;
    return {
      intervalMs: Math.max(minHeartbeatMs, Math.ceil(interval)),
      timeoutMs: Math.max(minHeartbeatTimeoutMs, Math.ceil(timeout)),
    };
  }

  #refuse(socket: ObjectSocket, error: unknown): void {
    const visible = visibleError(error, this.#options.directory.ports);
    socket.error(undefined, toWireError(visible));
    socket.close(1008, `${visible.group}.${visible.code}`);
  }

  /** A socket that outlived the memory of its object. */
  #restore(socket: WorkerSocket): void {
    const attachment = this.#attachments.read(socket);
    if (attachment === undefined) {
      // Its connection was never accepted, so that its client can only start over.
      socket.close(1012, "conn.unknown");
      return;
    }
    const own = this.#socket(socket, attachment.encoding);
    own.restore(this.#sessionOf(own, attachment), attachment);
  }

  #sessionOf(output: ObjectSocket, attachment: Attachment): Session {
    const { directory, gateway } = this.#options;
    return new Session({
      ...{ directory, output, params: undefined, request: undefined, kept: attachment },
      target: { type: "id", name: attachment.name, id: attachment.actorId },
      maxOutgoingBytes: gateway.maxOutgoingBytes,
    });
  }

  #acceptRaw(
    request: Request,
    gateway: Gateway,
    offered: Offered,
    { target, path }: Extract<Route, { readonly kind: "request" | "websocket" }>,
  ): Response {
    const [client, socket] = socketPair();
    const peer = new RawPeer(socket);
    const own = offered.protocols.find((protocol) => !protocol.startsWith("holdfast."));
    const protocol = own ?? (offered.protocols.includes(subprotocol) ? subprotocol : undefined);
    const refuse = (error: unknown, code: number): void => {
      const visible = visibleError(error, this.#options.directory.ports);
      peer.close(isRetryable(visible) ? 1012 : code, `${visible.group}.${visible.code}`);
    };
    try {
      const shown = new Request(urlOf(new URL(request.url).host, `${socketPrefix}${path}`), {
        headers: request.headers,
      });
      const upgrade = { request, gateway, offered, shown, target };
      check(upgrade);
      const info = accessInfo(this.#options.directory.namespaces, "websocket", headOf(upgrade), target);
      gateway.admit(
        info,
        () => {
          this.#startRaw(peer, upgrade, own ?? "").catch((error: unknown) => refuse(error, 1011));
        },
        (error) => refuse(error, 1008),
      );
    } catch (error) {
      refuse(error, 1008);
    }
    return upgradeResponse(client, protocol);
  }

  async #startRaw(peer: RawPeer, upgrade: Upgrade, protocol: string): Promise<void> {
    const { gateway, target, shown, offered } = upgrade;
    const { params } = offered;
    const question = { intents: ["connect"], target, params, request: () => shown } as const;
    const auth = await new Promise((resolve, reject) => authenticate(gateway, question, resolve, reject));
    const session = new RawSession(this.#options.directory, target, peer);
    peer.attach(session);
    await session.open({ request: shown, params, auth, signal: peer.gone, protocol, transport: peer });
  }
}

/** Throws the refusals that need no hook. */
function check({ request, gateway, offered, target }: Upgrade): void {
  gateway.guard.check(new URL(request.url).host, request.headers.get("origin") ?? undefined);
  gateway.admitTo(target, offered.token);
}

function headOf({ request }: Upgrade): { readonly method: string; header(name: string): string | undefined } {
  return { method: "GET", header: (name) => request.headers.get(name) ?? undefined };
}

function unsupportedProtocol(): HoldfastError {
  const message = `Offer the subprotocol ${subprotocol}: a client that offers another version is older or newer than this server`;
  return new HoldfastError("gateway", "unsupported_protocol", message, { statusCode: 400 });
}
