import { allAttacks } from "../../packages/studio/src/attacks/index.ts";
import { attackSuite } from "./attack-suite.ts";
import { missing } from "./support.ts";

// A kernel may have no Landlock, and users other than root no limits.
const limits = ["limits.memory", "limits.pids", "limits.cpu", "limits.io"];

// What no part of a jail stops is tried here alone.
attackSuite({
  name: "bubblewrap",
  attacks: allAttacks,
  skip: missing("bwrap", "perl"),
  mayLack: ["access.landlocked", ...(process.getuid?.() === 0 ? [] : limits)],
});
