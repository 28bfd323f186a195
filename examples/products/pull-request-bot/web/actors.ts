/** Live connections of the page. */
import { createHoldfast } from "holdfast/react";
import type { registry } from "../actors.ts";

export const { useActor } = createHoldfast<typeof registry>(location.origin);
