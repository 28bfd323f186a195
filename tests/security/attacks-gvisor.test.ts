import { attackSuite } from "./attack-suite.ts";
import { missing } from "./support.ts";

attackSuite({
  name: "gvisor",
  skip: missing("runsc", "setpriv", "perl") || (process.getuid?.() !== 0 && "needs root for runsc"),
  // Its own kernel has no Landlock, and counts processes for itself.
  declared: ["kernel.first_process", "resources.fork_bomb"],
});
