import { type GateConfig, proofFileOfEnvironment } from "@holdfast/gate";

/** Jails of gates in these tests: the first gate of a run proves them, and the others take its proof. */
export const provenJails: NonNullable<GateConfig["jails"]> = {
  ...proofFileOfEnvironment(),
  whenUnavailable: "refuse",
};
