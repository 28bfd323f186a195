import { join, resolve } from "node:path";

/** Of the repository. The configuration of the site is bundled, and imports nothing outside of its folder. */
export const root = resolve(import.meta.dirname, "../..");

/** The site as it is built, ready for any web server. */
export const siteFolder = join(root, ".cache", "site");

/** The pages with the links of the site, from which it is built. */
export const pagesFolder = join(root, ".cache", "site-pages");
