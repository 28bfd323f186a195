import { after } from "node:test";
import { type Dockerd, dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { attackSuite } from "./attack-suite.ts";
import { missing } from "./support.ts";

let engine: Dockerd | undefined;
after(() => engine?.close());

attackSuite({
  name: "docker",
  skip: dockerdMissing() ?? missing("perl", "tar"),
  async engineSocket() {
    engine = await startDockerd();
    return engine.socketPath;
  },
  mayLack: ["access.landlocked"],
});
