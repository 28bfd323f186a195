import { withHoldfast } from "holdfast/next-js/config";

/** @type {import("next").NextConfig} */
const config = {
  // Types are checked by the project's own `tsc`.
  typescript: { ignoreBuildErrors: true },
};

export default withHoldfast(config);
