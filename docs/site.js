// Wide tables scroll by keyboard, too; the theme puts them into boxes when the page is loaded.
addEventListener("load", () => setTimeout(() => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap")) box.tabIndex = 0;
}));
