import { after } from "node:test";
import { type Podman, podmanMissing, startPodman } from "@holdfast/testing/podman";
import { attackSuite } from "./attack-suite.ts";
import { missing } from "./support.ts";

let engine: Podman | undefined;
after(() => engine?.close());

attackSuite({
  name: "podman",
  skip: podmanMissing() ?? missing("perl"),
  async engineSocket() {
    engine = await startPodman();
    return engine.socketPath;
  },
  mayLack: ["access.landlocked"],
});
