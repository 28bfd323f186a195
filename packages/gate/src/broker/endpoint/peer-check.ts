import { readFileSync, readlinkSync } from "node:fs";
import type { PeerRefused, PeerRule } from "./channel.ts";

export interface Peer {
  readonly uid: number;
  readonly pid: number;
}

/**
 * libzmq appends `:uid:gid:pid` of the process that connected (SO_PEERCRED) to the address of a peer on
 * a Unix socket. Undefined where it did not.
 */
export function peerOf(address: string): Peer | undefined {
  const match = /:(\d+):\d+:(\d+)$/.exec(address);
  return match === null ? undefined : { uid: Number(match[1]), pid: Number(match[2]) };
}

/** Why `peer` is not of the jail; undefined when it is. */
export function refusePeer(peer: Peer | undefined, rule: PeerRule): PeerRefused["reason"] | undefined {
  if (rule === null) return "jail_not_running";
  // A system that tells no pid of a peer leaves its way as what it is known by: a folder of this user alone.
  if ("relay" in rule) return peer === undefined || peer.pid === rule.relay ? undefined : "not_of_the_jail";
  if (peer === undefined) return "unreadable";
  try {
    const isOfJail =
      "namespace" in rule
        ? readlinkSync(`/proc/${peer.pid}/ns/pid`) === rule.namespace
        : isDescendant(peer.pid, rule.pid);
    return isOfJail ? undefined : "not_of_the_jail";
  } catch {
    // It ended meanwhile, or is not ours to look at: not of the jail either way.
    return "not_of_the_jail";
  }
}

/** For jails that confine nothing: children that lost their parent are still of its session. */
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
