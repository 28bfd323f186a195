/** The mark that a migration leaves in the record of a store: its source, and whether all of it is there. */
import { notEmpty, otherData, unfinishedMigration } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { Argument, Command, Reply } from "../command.ts";
import { integer, list, text } from "../rows.ts";
import { beginMigrationScript, hasNodesScript } from "../scripts/archive.ts";
import type { Script } from "../scripts/script.ts";

/** Commands and scripts that may be repeated. */
export interface MarkServer {
  command(...command: Command): Promise<Reply>;
  run(script: Script, ...args: readonly Argument[]): Promise<Reply>;
}

/** Throws `store.migrate_unfinished` if only a part of an installation may be there. */
export function refuseUnfinishedMigration(mark: Reply | undefined): void {
  if (mark !== null && mark !== undefined && fingerprintOf(text(mark)) === 0)
    throw unfinishedMigration("remove the keys of the store");
}

/** Reads and writes the mark: the id of the source, and a fingerprint of what was moved; 0 until all of it is. */
export class MigrationMark {
  readonly #server: MarkServer;
  readonly #prefix: string;
  readonly #sourceId: string;

  constructor(server: MarkServer, prefix: string, sourceId: string) {
    this.#server = server;
    this.#prefix = prefix;
    this.#sourceId = sourceId;
  }

  /** As `MigrationTarget.state`. */
  async read(): Promise<number | undefined> {
    const server = this.#server;
    const mark = await server.command("HGET", `${this.#prefix}meta`, "migration");
    if (mark !== null) return this.#own(text(mark));
    if (await this.#hasKeys("actor:*")) throw notEmpty(otherData.actors);
    if (await this.#hasKeys("blob:*")) throw notEmpty(otherData.objects);
    if (integer(await server.run(hasNodesScript, this.#prefix)) > 0) throw notEmpty(otherData.nodes);
    return undefined;
  }

  /** As `MigrationTarget.begin`. */
  async begin(): Promise<void> {
    await this.read();
    this.#own(text(await this.#server.run(beginMigrationScript, this.#prefix, this.#text(0))));
  }

  async finish(fingerprint: number): Promise<void> {
    await this.#server.command("HSET", `${this.#prefix}meta`, "migration", this.#text(fingerprint));
  }

  #text(fingerprint: number): string {
    return `${this.#sourceId} ${fingerprint}`;
  }

  #own(mark: string): number {
    if (!mark.startsWith(`${this.#sourceId} `)) throw notEmpty(otherData.migrated);
    return fingerprintOf(mark);
  }

  async #hasKeys(pattern: string): Promise<boolean> {
    for await (const keys of keysLike(this.#server, this.#prefix, pattern)) if (keys.length > 0) return true;
    return false;
  }
}

function fingerprintOf(mark: string): number {
  return Number(mark.slice(mark.lastIndexOf(" ") + 1));
}

/** The keys of the store that match, in no order; one may come twice. */
export async function* keysLike(
  server: Pick<MarkServer, "command">,
  prefix: string,
  pattern: string,
): AsyncGenerator<readonly string[]> {
  let cursor = "0";
  do {
    const scanned = await server.command(
      ...(["SCAN", cursor, "MATCH", `${prefix}${pattern}`, "COUNT", limits.maxRowsPerScript] as const),
    );
    const [next, keys] = list(scanned);
    yield list(keys).map(text);
    cursor = text(next);
  } while (cursor !== "0");
}
