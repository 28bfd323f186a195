/** Workloads of the simulator, each with its own checks. */
import type { Workload, World } from "../world.ts";
import { blobs } from "./blobs.ts";
import { counters } from "./counters.ts";
import { databases } from "./databases.ts";
import { events } from "./events.ts";
import { handles } from "./handles.ts";
import { lifecycles } from "./lifecycles.ts";
import { queues } from "./queues.ts";
import { releases } from "./releases.ts";
import { rooms } from "./rooms.ts";
import { schedules } from "./schedules.ts";
import { signals } from "./signals.ts";
import { transactions } from "./transactions.ts";
import { transfers } from "./transfers.ts";
import { waiters } from "./waiters.ts";
import { workflows } from "./workflows.ts";

export const allWorkloads: readonly { readonly name: string; make(world: World): Workload }[] = [
  { name: "blobs", make: blobs },
  { name: "counters", make: counters },
  { name: "databases", make: databases },
  { name: "events", make: events },
  { name: "handles", make: handles },
  { name: "lifecycles", make: lifecycles },
  { name: "queues", make: queues },
  { name: "rooms", make: rooms },
  { name: "schedules", make: schedules },
  { name: "signals", make: signals },
  { name: "transactions", make: transactions },
  { name: "transfers", make: transfers },
  { name: "waiters", make: waiters },
  { name: "workflows", make: workflows },
];

/** Workloads that need several nodes. */
export const clusterWorkloads: typeof allWorkloads = [{ name: "releases", make: releases }];
