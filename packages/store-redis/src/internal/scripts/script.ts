/** Scripts that the server runs: each is one transaction. */
import { createHash } from "node:crypto";
import type { Argument, Command } from "../command.ts";

/**
 * A Lua script. Its first argument is the prefix of all keys, in braces, so that a Redis Cluster has them in one slot;
 * the only key that is declared stands for that slot. A script is not rolled back when it fails, so each checks
 * everything before it writes. Without the flag `allow-oom` a server whose memory is full refuses it as a whole.
 */
export class Script {
  readonly source: string;
  readonly #sha: string;

  constructor(flags: "no-writes" | "allow-oom" | "", body: string) {
    this.source = `#!lua${flags === "" ? "" : ` flags=${flags}`}\n${arguments_}\n${body}`;
    this.#sha = createHash("sha1").update(this.source).digest("hex");
  }

  command(args: readonly Argument[]): Command {
    return ["EVALSHA", this.#sha, 1, args[0] ?? "", ...args];
  }

  /** For a server that does not know it. */
  whole(args: readonly Argument[]): Command {
    return ["EVAL", this.source, 1, args[0] ?? "", ...args];
  }
}

/** Lua passes a list to a function in pieces: beyond some thousand values, its stack is full. */
const arguments_ = `
local at = 0
local function arg() at = at + 1; return ARGV[at] end
local prefix = arg()
local function inChunks(list, size, f)
  for from = 1, #list, size do
    local chunk = {}
    for i = from, math.min(from + size - 1, #list) do chunk[#chunk + 1] = list[i] end
    f(chunk)
  end
end
local function key(kind, id) return prefix .. kind .. ':' .. id end
`;
