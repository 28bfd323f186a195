/** Pages of the API reference, as Markdown. */
import { posix } from "node:path";
import { type Comment, type CommentDisplayPart, type DeclarationReflection, ReflectionKind } from "typedoc";
import { anchorOf } from "../anchors.ts";
import { collectReferences, commentOf, declarationText } from "./declaration.ts";
import type { ApiPage } from "./entries.ts";

export type Exports = ReadonlyMap<string, readonly DeclarationReflection[]>;

/** Where an export has its heading: the page and the fragment. */
export type Places = ReadonlyMap<DeclarationReflection, { readonly page: string; readonly anchor: string }>;

/** The first module that has an export is where it is described; the others name it. */
export function placesOf(pages: readonly ApiPage[], exports: Exports): Places {
  const places = new Map<DeclarationReflection, { page: string; anchor: string }>();
  for (const { path, title, modules } of pages) {
    const taken = new Map<string, number>([[anchorOf(title), 1]]);
    for (const { file, specifier } of modules) {
      if (modules.length > 1) headingOn(specifier);
      for (const item of inOrder(exports.get(file) ?? []))
        if (!item.isReference()) places.set(item, { page: path, anchor: headingOn(item.name) });
    }
    // A second heading of the same text gets a number, as the site gives it.
    function headingOn(text: string): string {
      const anchor = anchorOf(text);
      const count = taken.get(anchor) ?? 0;
      taken.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }
  }
  return places;
}

/** Kinds of exports that are there at run time. */
const values = [ReflectionKind.Function, ReflectionKind.Class, ReflectionKind.Variable];

/** Functions and classes first, each in the order of the alphabet. */
export function inOrder(items: readonly DeclarationReflection[]): readonly DeclarationReflection[] {
  const rank = ({ kind }: DeclarationReflection) => (values.includes(kind) ? 0 : 1);
  return items.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

/**
 * Exports that need a comment and have none, as "module: name". The shapes of the wire of a sandbox need none: its
 * routes explain them.
 */
export function undocumented(pages: readonly ApiPage[], exports: Exports): readonly string[] {
  return pages
    .flatMap(({ modules }) => modules)
    .flatMap(({ file, specifier }) =>
      (exports.get(file) ?? [])
        .filter((item) => !item.isReference() && commentOf(item) === undefined)
        .filter(({ kind }) => values.includes(kind) || !specifier.startsWith("@holdfast/sandbox"))
        .map(({ name }) => `${specifier}: ${name}`),
    );
}

/** How a page shows a declaration. `links` has the addresses of the exports that it names. */
export type CodeForm = (code: string, links: ReadonlyMap<string, string>) => string;

export function renderPage(page: ApiPage, exports: Exports, places: Places, form: CodeForm): string {
  const guide = posix.relative(posix.dirname(page.path), page.guide.replace(/^docs\//, ""));
  const parts = [
    `# ${page.title === page.modules[0]?.specifier ? "" : "API: "}${page.title}`,
    `The exports of ${page.modules.map(({ specifier }) => `\`${specifier}\``).join(", ")}, made from their types. [The guide](${guide}) explains them.`,
  ];
  for (const { specifier, file } of page.modules) {
    const items = inOrder(exports.get(file) ?? []);
    const own = items.filter((item) => !item.isReference());
    const others = items.filter((item) => item.isReference());
    if (page.modules.length > 1) parts.push(`## ${specifier}`);
    if (page.modules.length > 1 && own.length === 0 && others.length === 0) parts.push("Types only.");
    const level = page.modules.length > 1 ? "###" : "##";
    for (const item of own) parts.push(`${level} ${item.name}`, ...describe(item, page, places, form));
    const links = others.map((item) => {
      const target = item.isReference() ? item.getTargetReflectionDeep() : item;
      return linkTo(item.name, target as DeclarationReflection, page, places);
    });
    if (links.length > 0) parts.push(`**Also here:** ${links.join(", ")}.`);
  }
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function linkTo(name: string, target: DeclarationReflection, page: ApiPage, places: Places): string {
  const address = addressOf(target, page, places);
  return address === undefined ? `\`${name}\`` : `[\`${name}\`](${address})`;
}

/** Where the export is described, seen from a page. */
function addressOf(target: DeclarationReflection, page: ApiPage, places: Places): string | undefined {
  const place = places.get(target);
  if (place === undefined) return undefined;
  return `${place.page === page.path ? "" : `./${posix.basename(place.page)}`}#${place.anchor}`;
}

function describe(
  item: DeclarationReflection,
  page: ApiPage,
  places: Places,
  form: CodeForm,
): readonly string[] {
  const used = new Set<DeclarationReflection>();
  collectReferences(item, used);
  used.delete(item);
  const links = new Map<string, string>();
  for (const target of used) {
    const address = addressOf(target, page, places);
    if (address !== undefined) links.set(target.name, address);
  }
  return [textOf(commentOf(item), page, places), form(declarationText(item), links)];
}

/** The text of a comment, with links where a page has the target. */
function textOf(comment: Comment | undefined, page: ApiPage, places: Places): string {
  if (comment === undefined) return "";
  const textOfPiece = (piece: CommentDisplayPart) => {
    if (piece.kind !== "inline-tag") return piece.text;
    const { target, text } = piece;
    const isExport = typeof target === "object" && "kind" in target;
    return isExport ? linkTo(text, target as DeclarationReflection, page, places) : `\`${text}\``;
  };
  return (
    [comment.summary, ...comment.blockTags.map(({ content }) => content)]
      .map((part) => part.map(textOfPiece).join(""))
      .join("\n\n")
      // Outside of code, what looks like an element of HTML or a template is text.
      .replace(/(`[^`]*`)|[<{]/g, (mark, code?: string) => code ?? (mark === "<" ? "&lt;" : "&#123;"))
  );
}
