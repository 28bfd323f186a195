/** One chat in memory: its messages, its turn, the stream of the message that is written. */
import type { RawAccess } from "@holdfast/actors";
import type { UIMessage, UIMessageChunk } from "ai";
import { unknownMessage } from "../errors.ts";

const tables = `
CREATE TABLE IF NOT EXISTS chat_messages (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  message TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chat_chunks (
  position INTEGER PRIMARY KEY,
  chunk TEXT NOT NULL
);
`;

/** Makes the tables of a chat: its messages, and the stream of the last answer. Version 1 of them. */
export async function migrateChat(database: Pick<RawAccess, "execute">): Promise<void> {
  await database.execute(tables);
}

interface MessageRow {
  readonly message: string;
}

/** The messages of a chat, and the stream of the message that was written last, in the actor's database. */
export class ChatStore {
  readonly #database: Pick<RawAccess, "execute" | "query" | "get">;

  constructor(database: Pick<RawAccess, "execute" | "query" | "get">) {
    this.#database = database;
  }

  /** The last messages, oldest first. */
  latest(limit: number): UIMessage[] {
    return this.#database
      .query<MessageRow>("SELECT message FROM chat_messages ORDER BY position DESC LIMIT ?", limit)
      .reverse()
      .map(messageOf);
  }

  all(): UIMessage[] {
    return this.#database
      .query<MessageRow>("SELECT message FROM chat_messages ORDER BY position")
      .map(messageOf);
  }

  find(id: string): UIMessage | undefined {
    const row = this.#database.get<MessageRow>("SELECT message FROM chat_messages WHERE id = ?", id);
    return row && messageOf(row);
  }

  last(): UIMessage | undefined {
    return this.latest(1)[0];
  }

  /** Adds a message, or replaces the one with its id. */
  async put(message: UIMessage): Promise<void> {
    await this.#database.execute(
      `INSERT INTO chat_messages (id, message) VALUES (?, ?)
       ON CONFLICT (id) DO UPDATE SET message = excluded.message`,
      ...[message.id, JSON.stringify(message)],
    );
  }

  /** Removes a message and all after it; with `keepsIt` only those after it. Throws `chat.unknown_message`. */
  async removeFrom(id: string, keepsIt = false): Promise<void> {
    const row = this.#database.get<{ position: number }>(
      "SELECT position FROM chat_messages WHERE id = ?",
      id,
    );
    if (row === undefined) throw unknownMessage(id);
    await this.#database.execute(
      "DELETE FROM chat_messages WHERE position >= ?",
      row.position + (keepsIt ? 1 : 0),
    );
  }

  chunks(): UIMessageChunk[] {
    return this.#database
      .query<{ chunk: string }>("SELECT chunk FROM chat_chunks ORDER BY position")
      .map(({ chunk }) => JSON.parse(chunk) as UIMessageChunk);
  }

  async addChunk(position: number, json: string): Promise<void> {
    await this.#database.execute("INSERT INTO chat_chunks (position, chunk) VALUES (?, ?)", position, json);
  }

  async dropChunks(): Promise<void> {
    await this.#database.execute("DELETE FROM chat_chunks");
  }

  async clear(): Promise<void> {
    await this.#database.execute("DELETE FROM chat_messages");
    await this.dropChunks();
  }
}

function messageOf({ message }: MessageRow): UIMessage {
  return JSON.parse(message) as UIMessage;
}
