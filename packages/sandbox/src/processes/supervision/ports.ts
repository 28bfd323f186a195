import { readdir, readFile, readlink } from "node:fs/promises";
import type { Managed } from "../managed.ts";

/** A TCP port that a managed process, an agent or one of their descendants listens on. */
export interface ListeningPort {
  readonly port: number;
  /** As text: "127.0.0.1", "0.0.0.0", "::1", "::". */
  readonly address: string;
  readonly pid: number;
  /** The command line of the listening process, shortened. */
  readonly command?: string;
  /** The managed process; absent for what an agent has started. */
  readonly processId?: string;
  readonly name?: string;
}

/** Longest command line in characters. */
const maxCommandLength = 200;

interface ListeningSocket {
  readonly address: string;
  readonly port: number;
}

/**
 * Lists the listening ports of managed processes, and those of further process ids, sorted by port. Reads them from
 * /proc at each call (Linux).
 */
export async function listeningPorts(
  processes: readonly Managed[],
  others: readonly number[] = [],
): Promise<ListeningPort[]> {
  const sockets = await listeningSockets();
  const result = new Map<string, ListeningPort>();
  const look = async (pid: number, managed: Pick<ListeningPort, "processId" | "name">): Promise<void> => {
    for (const inode of await socketInodes(pid)) {
      const socket = sockets.get(inode);
      if (socket === undefined || result.has(inode)) continue;
      const command = await commandOf(pid);
      result.set(inode, { ...socket, pid, ...managed, ...(command === "" ? {} : { command }) });
    }
  };
  for (const process of processes) {
    const name = process.name === undefined ? {} : { name: process.name };
    for (const pid of process.members()) await look(pid, { processId: process.id, ...name });
  }
  for (const pid of others) await look(pid, {});
  return [...result.values()].sort((a, b) => a.port - b.port || a.address.localeCompare(b.address));
}

/** The address at which this machine reaches a listener: one on a wildcard address is reachable on loopback. */
export function reachableAddress(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.replaceAll("\0", " ").trim().slice(0, maxCommandLength);
}

async function listeningSockets(): Promise<Map<string, ListeningSocket>> {
  const result = new Map<string, ListeningSocket>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(file, "latin1").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [, local = "", , state] = fields;
      const inode = fields[9];
      if (state !== "0A" || inode === undefined) continue;
      const [address = "", port = ""] = local.split(":");
      result.set(inode, { address: addressText(address), port: Number.parseInt(port, 16) });
    }
  }
  return result;
}

/** The kernel prints each group of four bytes as a native integer, which is little-endian here. */
function addressText(hex: string): string {
  const bytes = Buffer.concat((hex.match(/.{8}/g) ?? []).map((group) => Buffer.from(group, "hex").reverse()));
  if (bytes.length === 4) return [...bytes].join(".");
  if (bytes.every((byte) => byte === 0)) return "::";
  if (bytes.subarray(0, 15).every((byte) => byte === 0)) return `::${bytes[15]?.toString(16)}`;
  return (bytes.toString("hex").match(/.{4}/g) ?? []).join(":");
}

async function socketInodes(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const names = await readdir(directory).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`${directory}/${name}`).catch(() => "")));
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}
