import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const web = fileURLToPath(new URL("src/web", import.meta.url));

/** Builds the inspector to `dist/web`; the sandbox server serves that folder at `/ui/`. */
export default defineConfig({
  root: web,
  base: "/ui/",
  publicDir: `${web}/public`,
  build: {
    outDir: fileURLToPath(new URL("dist/web", import.meta.url)),
    emptyOutDir: true,
    target: "es2024",
    // The page is served under a policy without inline scripts or data URLs, so every asset is a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // "use client" at the top of a library's file means nothing here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
});
