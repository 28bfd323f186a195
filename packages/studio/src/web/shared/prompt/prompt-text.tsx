import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Link } from "@tanstack/react-router";
import { Fragment } from "react";

const taskLink = /\[([^\]\n]{1,200})\]\(\/tasks\/((?:[a-z0-9]{1,16}_)?[0-9a-f-]{36})\)/g;

/** The text of a prompt, in which tasks that it mentions are links. */
export function PromptText({ text }: { readonly text: string }) {
  const parts: (string | { readonly title: string; readonly taskId: string })[] = [];
  let end = 0;
  for (const match of text.matchAll(taskLink)) {
    const [whole, title = "", taskId = ""] = match;
    parts.push(text.slice(end, match.index), { title, taskId });
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return parts.map((part, index) => (
    <Fragment key={index}>
      {typeof part === "string" ? (
        visibleText(part)
      ) : (
        <Link to="/tasks/$taskId" params={{ taskId: part.taskId }}>
          {visibleText(part.title)}
        </Link>
      )}
    </Fragment>
  ));
}
