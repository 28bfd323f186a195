import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { stories } from "./stories.tsx";

const chosen = location.hash.slice(1).split("&")[0] ?? "";
const story = stories[chosen];
// A story is chosen by the address, and starts over with each.
addEventListener("hashchange", () => location.reload());

const root = document.querySelector("#root");
if (root === null) throw new Error("The page has no root");
createRoot(root).render(
  <StrictMode>
    <main>
      <h1>Sandbox components</h1>
      {story !== undefined && <h2>{chosen}</h2>}
      {story === undefined ? (
        <ul>
          {Object.keys(stories).map((name) => (
            <li key={name}>
              <a href={`#${name}`}>{name}</a>
            </li>
          ))}
        </ul>
      ) : (
        <div id="story">{story()}</div>
      )}
    </main>
  </StrictMode>,
);
