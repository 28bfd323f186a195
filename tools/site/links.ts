import { posix } from "node:path";

export interface LinkRules {
  /** Path on the site of a file of the repository; undefined if it is not on the site. */
  placeOf(file: string): string | undefined;
  /** True for a file or folder of the repository. */
  exists(file: string): boolean;
  /** Address of the repository on the web, if it has one. */
  readonly repository?: string;
}

/** Blocks of code, code in a line, and links with their text. */
const pattern = /^```[\s\S]*?^```|(`+)[^`][\s\S]*?\1|(!?)\[((?:[^\][]|\[[^\][]*\])*)\]\(([^()\s]+)\)/gm;

/**
 * Rewrites the relative links of a page. `file` is the page in the repository, `page` is where it is on the site. A
 * link to a file that is not on the site leads to the repository; without an address of it, its path becomes text. Throws
 * if there is no such file.
 */
export function rewriteLinks(text: string, file: string, page: string, rules: LinkRules): string {
  return text.replace(pattern, (whole: string, _code, image: string, label: string, link: string) => {
    if (link === undefined || link.startsWith("#") || /^[a-z]+:/.test(link)) return whole;
    const [path = "", fragment] = link.split("#");
    const target = posix.join(posix.dirname(file), path).replace(/\/$/, "");
    const known = rules.placeOf(target);
    const hash = fragment === undefined ? "" : `#${fragment}`;
    if (known !== undefined) {
      const relative = posix.relative(posix.dirname(page), known);
      return `${image}[${label}](${relative.startsWith(".") ? relative : `./${relative}`}${hash})`;
    }
    if (!rules.exists(target)) throw new Error(`${file}: the link to ${link} leads nowhere`);
    if (rules.repository !== undefined) return `[${label}](${rules.repository}/blob/main/${target}${hash})`;
    const plain = label.replaceAll("`", "");
    return target === plain || posix.basename(target) === plain
      ? `\`${target}\``
      : `${label} (\`${target}\`)`;
  });
}
