/** `npm run stories --workspace @holdfast/sandbox-react`: the story page, until it is stopped. */
import { serveStories } from "./serve.ts";

const page = await serveStories(Number(process.env["PORT"] ?? 0));
console.log(page.url);
