import type { GateConfig } from "@holdfast/gate";

const proofFile = process.env["HOLDFAST_JAIL_PROOF_FILE"];

/** Jails of gates in these tests: the first gate of a run proves them, and the others take its proof. */
export const provenJails: NonNullable<GateConfig["jails"]> = {
  ...(proofFile === undefined ? {} : { proofFile }),
  whenUnavailable: "refuse",
};
