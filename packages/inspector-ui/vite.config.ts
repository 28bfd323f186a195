import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { webApp } from "@holdfast/web-parts/vite";

const app = webApp({ config: import.meta.url, base: "/inspector/" });

/**
 * `holdfast dev` serves what this builds at `/inspector/`. The assets are kept compressed, as they come with every
 * install of `holdfast`.
 */
export default {
  ...app,
  plugins: [
    app.plugins,
    {
      name: "compress-assets",
      closeBundle() {
        const folder = fileURLToPath(new URL("dist/web/assets", import.meta.url));
        for (const name of readdirSync(folder)) {
          const path = join(folder, name);
          writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
          rmSync(path);
        }
      },
    },
  ],
};
