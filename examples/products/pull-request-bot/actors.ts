/** The actors of the bot: the board with all jobs, and each job. */
import { setup } from "holdfast";
import { board } from "./board.ts";
import { computer } from "./computer.ts";
import { job } from "./job.ts";

export const registry = setup({ use: { board, job, computer } });
