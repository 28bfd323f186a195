/** Attacks that need the complete product: previews, files, the web app. */
import { type Attack, gateAttacks } from "@holdfast/gate";
import { fileAttacks } from "./files.ts";
import { previewAttacks } from "./preview.ts";
import { taskPreviewAttacks } from "./task-preview.ts";
import { webAttacks } from "./web.ts";

/** All attacks: on the gate, on the file API and the review, on the local server. */
export const allAttacks: readonly Attack[] = [
  ...gateAttacks,
  ...fileAttacks,
  ...webAttacks,
  ...previewAttacks,
  ...taskPreviewAttacks,
];
