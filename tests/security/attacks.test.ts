import { attackSuite } from "./attack-suite.ts";
import { missing } from "./support.ts";

// A kernel may have no Landlock, and users other than root no limits.
const limits = ["limits.memory", "limits.pids", "limits.cpu", "limits.io"];

attackSuite({
  name: "bubblewrap",
  skip: missing("bwrap", "perl"),
  mayLack: ["access.landlocked", ...(process.getuid?.() === 0 ? [] : limits)],
});
