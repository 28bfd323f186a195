/** @type {import("next").NextConfig} */
export default {
  // The registry runs in the server's own Node.js, and is not part of a bundle.
  serverExternalPackages: ["holdfast"],
  // Types are checked by the project's own `tsc`.
  typescript: { ignoreBuildErrors: true },
  // The packages of this repository stand above the application.
  turbopack: { root: process.env.NEXT_ROOT ?? `${import.meta.dirname}/../..` },
};
