import { readFileSync, readlinkSync } from "node:fs";
import type { PeerRefused, PeerRule } from "./channel.ts";

export interface Peer {
  readonly uid: number;
  readonly pid: number;
}

/**
 * Parses `:uid:gid:pid` of the connecting process (SO_PEERCRED), which libzmq appends to the address of a peer on a
 * Unix socket. Returns undefined if it is missing.
 */
export function peerOf(address: string): Peer | undefined {
  const match = /:(\d+):\d+:(\d+)$/.exec(address);
  return match === null ? undefined : { uid: Number(match[1]), pid: Number(match[2]) };
}

/** Returns why `peer` does not belong to the jail; undefined if it does. */
export function refusePeer(peer: Peer | undefined, rule: PeerRule): PeerRefused["reason"] | undefined {
  if (rule === null) return "jail_not_running";
  // Some systems report no pid. The peer then is trusted for its path: a folder that only this user can enter.
  if ("relay" in rule) return peer === undefined || peer.pid === rule.relay ? undefined : "not_of_the_jail";
  if (peer === undefined) return "unreadable";
  try {
    const isOfJail =
      "namespace" in rule
        ? readlinkSync(`/proc/${peer.pid}/ns/pid`) === rule.namespace
        : isDescendant(peer.pid, rule.pid);
    return isOfJail ? undefined : "not_of_the_jail";
  } catch {
    // The process has ended, or may not be inspected. Neither belongs to the jail.
    return "not_of_the_jail";
  }
}

/** For jails without confinement: orphaned children still belong to its session. */
function isDescendant(pid: number, ancestor: number): boolean {
  const { session } = statOf(pid);
  if (session === ancestor || session === statOf(ancestor).session) return true;
  for (let at = pid; at > 1; at = statOf(at).parent) if (at === ancestor) return true;
  return false;
}

function statOf(pid: number): { parent: number; session: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), session: Number(fields[3]) };
}
