/** The page about the organizations of a person. */
import "./organizations.css";

export { OrganizationScreen } from "./organization-screen.tsx";
