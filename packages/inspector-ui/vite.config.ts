import { webApp } from "@holdfast/web-parts/vite";

/** `holdfast dev` serves what this builds at `/inspector/`. */
export default webApp({ config: import.meta.url, base: "/inspector/" });
