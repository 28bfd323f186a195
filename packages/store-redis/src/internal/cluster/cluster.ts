/** Sessions of nodes and leases of shards. */
import { randomInt } from "node:crypto";
import type { ClusterStore, ClusterView, NodeDescription, NodeSession, Renewal } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { Argument, Reply } from "../command.ts";
import { Connection } from "../connection/connection.ts";
import { mapServerError, unavailable } from "../errors.ts";
import { integer, list, optionalInteger, text } from "../rows.ts";
import { placeScript } from "../scripts/actor.ts";
import {
  changeClusterScript,
  credentialsScript,
  drainScript,
  readClusterScript,
  renewScript,
} from "../scripts/cluster.ts";
import type { Script } from "../scripts/script.ts";
import type { PreparedServer } from "../server/server.ts";
import { ClusterState } from "./state.ts";

const maxMark = 2 ** 47;
/** Changes of others that one change gives way to. */
const maxAttempts = 200;

/** A session as it is stored. */
interface StoredSession {
  readonly value: string;
  readonly expiresAt: number;
  readonly isDraining: boolean;
}

/** Sessions that a change replaces: the new value has the time to live in the place of the expiry; empty removes. */
type SessionChanges = Map<string, string>;

interface Snapshot {
  readonly revision: number;
  readonly mark: number | undefined;
  readonly seenMark: number | undefined;
  readonly now: number;
  readonly state: ClusterState;
  readonly sessions: ReadonlyMap<string, StoredSession>;
}

/**
 * Nodes and leases are read, changed here and written again, unless another change came between; then it begins anew.
 * Renewals take no part in that. On a connection of its own, so that they do not wait behind turns. Nothing is retried
 * over lost connections: the caller knows for how long an attempt is of use.
 */
export class RedisCluster implements ClusterStore {
  readonly id: string;
  readonly shards: number;
  readonly #prefix: string;
  readonly #connection: Connection;

  constructor({ settings, prefix, shards, clusterId }: PreparedServer) {
    this.id = clusterId;
    this.shards = shards;
    this.#prefix = prefix;
    this.#connection = new Connection({ ...settings, silenceTimeoutMs: limits.clusterTimeoutMs });
  }

  async credentials(): Promise<readonly string[]> {
    const stored = await this.#guarded(() => this.#connection.send(["GET", `${this.#prefix}credentials`]));
    return stored === null ? [] : (JSON.parse(text(stored)) as string[]);
  }

  async replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean> {
    const values = [JSON.stringify(expected), JSON.stringify(next)];
    return integer(await this.#run(credentialsScript, ...values)) > 0;
  }

  join(node: NodeDescription, ttlMs: number): Promise<void> {
    return this.#change(({ state, sessions, now }, changes) => {
      removeExpired(state, sessions, now, changes);
      if (state.nodes.has(node.id)) throw nodeExists(node.id);
      state.nodes.set(node.id, node);
      changes.set(node.id, `${ttlMs}:${node.draining ? 1 : 0}:${node.incarnation}`);
      state.addScopes();
    });
  }

  async renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    const { id, incarnation } = session;
    const args = [id, incarnation, ttlMs, draining ? 1 : 0, newMark(), limits.maxClusterChanges];
    const reply = await this.#run(renewScript, ...args);
    if (reply === null) return undefined;
    const [revision, mark, now, isDraining, next] = list(reply);
    return {
      revision: integer(revision),
      mark: optionalInteger(mark),
      now: integer(now),
      draining: integer(isDraining) === 1,
      nextExpiryMs: optionalInteger(next),
    };
  }

  reweigh(session: NodeSession, weight: number): Promise<void> {
    return this.#change(({ state }) => {
      const node = state.has(session) ? state.nodes.get(session.id) : undefined;
      if (node !== undefined) state.nodes.set(node.id, { ...node, weight });
    });
  }

  async view(seen?: number): Promise<ClusterView> {
    const { revision, mark, seenMark, now, state, sessions } = await this.#read(seen);
    const nodes = [...state.nodes.values()].map((node) => {
      const session = sessions.get(node.id);
      return {
        ...node,
        draining: session?.isDraining ?? node.draining,
        expiresInMs: (session?.expiresAt ?? 0) - now,
      };
    });
    nodes.sort((a, b) => (a.id < b.id ? -1 : 1));
    return { revision, mark, seenMark, now, nodes, leases: state.leases(), scopes: [...state.scopes].sort() };
  }

  claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#change(({ state, sessions, now }, changes) => {
      removeExpired(state, sessions, now, changes);
      state.claim(pick(session), scope, shards);
    });
  }

  async drain(id: string): Promise<boolean> {
    return integer(await this.#run(drainScript, id, newMark(), limits.maxClusterChanges)) > 0;
  }

  transfer(from: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#change(({ state }) => state.transfer(from, pick(to), scope, shards));
  }

  openScope(scope: string): Promise<void> {
    return this.#change(({ state }) => void state.scopes.add(scope));
  }

  async place(actorId: string, epoch: number, place: string | undefined): Promise<boolean> {
    return integer(await this.#run(placeScript, actorId, epoch, place ?? "")) > 0;
  }

  leave(session: NodeSession): Promise<void> {
    return this.#change(({ state }, changes) => {
      if (!state.has(session)) return;
      state.nodes.delete(session.id);
      changes.set(session.id, "");
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #read(seen: number | undefined): Promise<Snapshot> {
    const [revision, mark, seenMark, now, state, sessions] = list(
      await this.#run(readClusterScript, seen ?? ""),
    );
    return {
      revision: integer(revision),
      mark: optionalInteger(mark),
      seenMark: optionalInteger(seenMark),
      now: integer(now),
      state: new ClusterState(state === null ? undefined : text(state)),
      sessions: parseSessions(list(sessions)),
    };
  }

  async #change(apply: (snapshot: Snapshot, changes: SessionChanges) => void): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const snapshot = await this.#read(undefined);
      const changes: SessionChanges = new Map();
      apply(snapshot, changes);
      const replaced = [...changes].flatMap(([id, value]) => [
        id,
        snapshot.sessions.get(id)?.value ?? "",
        value,
      ]);
      const state = snapshot.state.toString();
      const args = [snapshot.revision, state, newMark(), limits.maxClusterChanges, changes.size, ...replaced];
      if (integer(await this.#run(changeClusterScript, ...args)) > 0) return;
    }
    throw unavailable(new Error("Other nodes change their leases all the time"));
  }

  #run(script: Script, ...args: readonly Argument[]): Promise<Reply> {
    return this.#guarded(() => this.#connection.run(script, [this.#prefix, ...args]));
  }

  async #guarded(work: () => Promise<Reply>): Promise<Reply> {
    try {
      return await work();
    } catch (error) {
      throw mapServerError(error);
    }
  }
}

function removeExpired(
  state: ClusterState,
  sessions: ReadonlyMap<string, StoredSession>,
  now: number,
  changes: SessionChanges,
): void {
  for (const id of [...state.nodes.keys()]) {
    const session = sessions.get(id);
    if (session !== undefined && session.expiresAt >= now) continue;
    state.nodes.delete(id);
    changes.set(id, "");
  }
}

function parseSessions(pairs: readonly Reply[]): ReadonlyMap<string, StoredSession> {
  const sessions = new Map<string, StoredSession>();
  for (let at = 0; at < pairs.length; at += 2) {
    const value = text(pairs[at + 1]);
    const [expiresAt, draining] = value.split(":", 2);
    sessions.set(text(pairs[at]), { value, expiresAt: Number(expiresAt), isDraining: draining === "1" });
  }
  return sessions;
}

function newMark(): number {
  return randomInt(maxMark);
}

function pick({ id, incarnation }: NodeSession): NodeSession {
  return { id, incarnation };
}

function nodeExists(id: string): HoldfastError {
  const message = `A node with the id "${id}" is running already. Give each node an id of its own, or stop the other one; a node that has crashed is forgotten when its session expires.`;
  return new HoldfastError("cluster", "node_exists", message, { metadata: { node: id } });
}
