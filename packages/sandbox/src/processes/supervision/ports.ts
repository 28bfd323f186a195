import { readdir, readFile, readlink } from "node:fs/promises";
import type { Managed } from "../managed.ts";

/** A TCP port that a managed process or one of its descendants listens on. */
export interface ListeningPort {
  readonly port: number;
  /** As text: "127.0.0.1", "0.0.0.0", "::1", "::". */
  readonly address: string;
  readonly pid: number;
  readonly processId: string;
  readonly name?: string;
}

interface ListeningSocket {
  readonly address: string;
  readonly port: number;
}

/** Lists the listening ports of the processes, sorted by port. Reads them from /proc at each call (Linux). */
export async function listeningPorts(processes: readonly Managed[]): Promise<ListeningPort[]> {
  const sockets = await listeningSockets();
  const result = new Map<string, ListeningPort>();
  for (const process of processes) {
    for (const pid of process.members()) {
      for (const inode of await socketInodes(pid)) {
        const socket = sockets.get(inode);
        if (socket === undefined || result.has(inode)) continue;
        const name = process.name === undefined ? {} : { name: process.name };
        result.set(inode, { ...socket, pid, processId: process.id, ...name });
      }
    }
  }
  return [...result.values()].sort((a, b) => a.port - b.port || a.address.localeCompare(b.address));
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
