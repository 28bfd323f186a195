import { lexer, type Token, type Tokens } from "marked";
import { Fragment, memo, type ReactNode } from "react";

export interface MarkdownProps {
  readonly text: string;
  /** `sa-markdown` by default. */
  readonly className?: string;
}

/**
 * Markdown of an agent, which is untrusted. The source is tokenised and the tokens become React elements: no HTML
 * string exists at any point, raw HTML is shown as text, images are shown as links (loading one would reveal that the
 * message was read), and only web and mail addresses become links.
 */
export const Markdown = memo(function Markdown({ text, className }: MarkdownProps) {
  const tokens = tokenize(text);
  return (
    <div className={className ?? "sa-markdown"} data-slot="markdown">
      {tokens === undefined ? <Preformatted text={text} /> : renderBlocks(tokens)}
    </div>
  );
});

function Preformatted({ text }: { readonly text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard.
    <pre tabIndex={0}>
      <code>{text}</code>
    </pre>
  );
}

/** Matches a line that starts 200 nested quotes or lists. */
const tooDeep = /^(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])[ \t])){200}/m;

/**
 * Returns undefined for text that the lexer cannot handle. It recurses for each nesting level, and thousands of levels take
 * minutes or overflow the stack.
 */
function tokenize(text: string): readonly Token[] | undefined {
  if (tooDeep.test(text)) return undefined;
  try {
    return lexer(text, { gfm: true, breaks: false });
  } catch {
    return undefined;
  }
}

const headingTags = ["h3", "h4", "h5", "h6", "h6", "h6"] as const;

/** Quotes and lists nested more deeply than this are shown as plain text. */
const maxDepth = 16;

function renderBlocks(tokens: readonly Token[], depth = 0): ReactNode[] {
  return tokens.map((token, index) => <Fragment key={index}>{renderBlock(token, depth)}</Fragment>);
}

function renderBlock(token: Token, depth: number): ReactNode {
  if (depth > maxDepth) return token.raw;
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      const heading = token as Tokens.Heading;
      // The page has its own h1 and h2; the agent's headings are below them.
      const Name = headingTags[heading.depth - 1] ?? "h6";
      return <Name>{renderInlines(heading.tokens, depth)}</Name>;
    }
    case "paragraph":
      return <p>{renderInlines((token as Tokens.Paragraph).tokens, depth)}</p>;
    case "code":
      return <Preformatted text={(token as Tokens.Code).text} />;
    case "blockquote":
      return <blockquote>{renderBlocks((token as Tokens.Blockquote).tokens, depth + 1)}</blockquote>;
    case "list":
      return renderList(token as Tokens.List, depth);
    case "table":
      return renderTable(token as Tokens.Table, depth);
    case "hr":
      return <hr />;
    case "text": {
      const text = token as Tokens.Text;
      return text.tokens === undefined ? text.text : renderInlines(text.tokens, depth);
    }
    default:
      return <p>{token.raw}</p>;
  }
}

function renderList(token: Tokens.List, depth: number): ReactNode {
  const items = token.items.map((item, index) => (
    <li key={index} className={item.task ? "task-item" : undefined}>
      {item.task && (
        <span className="task-mark" role="img" aria-label={item.checked ? "Done:" : "To do:"}>
          {item.checked ? "☑" : "☐"}
        </span>
      )}
      {renderBlocks(
        item.tokens.filter((child) => child.type !== "checkbox"),
        depth + 1,
      )}
    </li>
  ));
  if (!token.ordered) return <ul>{items}</ul>;
  return <ol start={typeof token.start === "number" ? token.start : 1}>{items}</ol>;
}

function renderTable(token: Tokens.Table, depth: number): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard.
    <div className="table-scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {token.header.map((cell, index) => (
              <th key={index} scope="col">
                {renderInlines(cell.tokens, depth)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{renderInlines(cell.tokens, depth)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function renderInlines(tokens: readonly Token[], depth: number): ReactNode[] {
  return tokens.map((token, index) => <Fragment key={index}>{renderInline(token, depth)}</Fragment>);
}

function renderInline(token: Token, depth: number): ReactNode {
  if (depth > maxDepth) return token.raw;
  switch (token.type) {
    case "text":
    case "escape": {
      const text = token as Tokens.Text;
      return text.tokens === undefined ? decodeReferences(text.text) : renderInlines(text.tokens, depth + 1);
    }
    case "strong":
      return <strong>{renderInlines((token as Tokens.Strong).tokens, depth + 1)}</strong>;
    case "em":
      return <em>{renderInlines((token as Tokens.Em).tokens, depth + 1)}</em>;
    case "del":
      return <del>{renderInlines((token as Tokens.Del).tokens, depth + 1)}</del>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link": {
      const link = token as Tokens.Link;
      return renderLink(link.href, renderInlines(link.tokens, depth + 1));
    }
    case "image": {
      const image = token as Tokens.Image;
      return renderLink(image.href, `Image: ${image.text || image.href}`);
    }
    default:
      return token.raw;
  }
}

function renderLink(href: string, children: ReactNode): ReactNode {
  if (!isSafeHref(href)) return <span title={href}>{children}</span>;
  return (
    <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** Relative addresses would point into this app, and other schemes may run code. */
export function isSafeHref(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href);
}

const entities: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
  "&nbsp;": "\u00a0",
};

/** The lexer leaves character references in text; the common ones are decoded. */
function decodeReferences(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (entity) => entities[entity] ?? entity);
}
