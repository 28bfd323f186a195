import { webApp } from "@holdfast/web-parts/vite";

/** The Studio's server serves what this builds. */
export default webApp({
  config: import.meta.url,
  base: "/",
  scripts: { "service-worker": "src/web/worker/service-worker.ts" },
  files: "src/web/installed",
});
