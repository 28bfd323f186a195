/** The two forms of a declaration: a block of Markdown, and HTML in which the names of exports are links. */
import type { CodeForm } from "./render.ts";

/** For those who read the page as Markdown. */
export const markdownCode: CodeForm = (code) => `\`\`\`ts\n${code}\n\`\`\``;

const keywords =
  /^(?:asserts|class|const|enum|extends|function|infer|interface|is|keyof|new|readonly|static|type|typeof|unique)$/;
const token = /(\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\.)*")|([A-Za-z_$][\w$]*)|([&<>{}])/g;

/**
 * For the site. The highlighter of the other pages knows no links, and takes longer over this much code than all else
 * of the build.
 */
export const linkedCode: CodeForm = (code, links) => {
  const html = code.replace(token, (text: string, comment?: string, literal?: string, word?: string) => {
    if (comment !== undefined) return `<i>${asText(comment)}</i>`;
    if (literal !== undefined || word === undefined) return asText(text);
    const address = links.get(word);
    if (address !== undefined) return `<a href="${address.replace(".md#", ".html#")}">${word}</a>`;
    return keywords.test(word) ? `<b>${word}</b>` : word;
  });
  // An empty line would end the block of HTML in Markdown.
  return `<pre class="api-code" tabindex="0" v-pre><code>${html.replaceAll("\n\n", "\n")}</code></pre>`;
};

function asText(text: string): string {
  return text.replace(/[&<>{}]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
