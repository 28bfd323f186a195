import { withHoldfast } from "holdfast/next-js/config";

/** @type {import("next").NextConfig} */
const config = {
  // `npm run types` checks them.
  typescript: { ignoreBuildErrors: true },
};

export default withHoldfast(config);
