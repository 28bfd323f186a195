/** What a hibernating WebSocket remembers of its connection. */

import type { Encoding } from "@holdfast/client";
import type { KeptSession } from "@holdfast/server/embedded";
import { durableObjectLimits } from "../limits.ts";
import type { SqlStorage, WorkerSocket } from "../platform.ts";

export interface Attachment extends KeptSession {
  /** The name of the actor. */
  readonly name: string;
  readonly encoding: Encoding;
}

const version = 1;

/** The attachments of the sockets of one object. What exceeds the platform's limit is in a table. */
export class Attachments {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  write(socket: WorkerSocket, attachment: Attachment): void {
    const { memory, ...head } = attachment;
    const whole = { version, ...head, memory };
    if (JSON.stringify(whole).length <= durableObjectLimits.maxAttachmentBytes) {
      socket.serializeAttachment(whole);
      return;
    }
    const bytes = new TextEncoder().encode(JSON.stringify(memory));
    this.#sql.exec("INSERT OR REPLACE INTO _holdfast_socket (id, memory) VALUES (?, ?)", head.connId, bytes);
    socket.serializeAttachment({ version, ...head });
  }

  /** Undefined for a socket whose connection was never accepted, and for one of another version. */
  read(socket: WorkerSocket): Attachment | undefined {
    const value: unknown = socket.deserializeAttachment();
    if (typeof value !== "object" || value === null) return undefined;
    const { memory, count, ...fields } = value as Partial<Attachment> & { readonly version?: unknown };
    const { name, encoding, actorId, connId, token } = fields;
    if (fields.version !== version || name === undefined || encoding === undefined) return undefined;
    if (actorId === undefined || connId === undefined || token === undefined) return undefined;
    return { name, encoding, actorId, connId, token, count, memory: memory ?? this.#stored(connId) };
  }

  forget(connId: string): void {
    this.#sql.exec("DELETE FROM _holdfast_socket WHERE id = ?", connId);
  }

  #stored(connId: string): KeptSession["memory"] {
    const [row] = this.#sql.exec("SELECT memory FROM _holdfast_socket WHERE id = ?", connId).toArray();
    const bytes = row?.["memory"];
    return bytes instanceof ArrayBuffer
      ? (JSON.parse(new TextDecoder().decode(bytes)) as KeptSession["memory"])
      : {};
  }
}
