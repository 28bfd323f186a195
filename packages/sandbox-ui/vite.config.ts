import { webApp } from "@holdfast/web-parts/vite";

/** The sandbox server serves what this builds at `/ui/`. */
export default webApp({ config: import.meta.url, base: "/ui/" });
