import theme from "vitepress/theme-without-fonts";
import "@holdfast/web-parts/tokens.css";
import "./style.css";

export default theme;
