"use strict";
/* Saves loading a page where it can; every page works without it. */
(function () {
  function partOf(address, more) {
    const url = new URL(address, location.href);
    for (const [name, value] of more || []) url.searchParams.set(name, value);
    url.searchParams.set("part", "1");
    return url;
  }

  async function fill(place, url, signal) {
    const answer = await fetch(url, { signal: signal, credentials: "same-origin" });
    if (answer.ok) place.innerHTML = await answer.text();
  }

  for (const place of document.querySelectorAll("[data-part]")) {
    fill(place, partOf(place.dataset.part)).catch(function () {});
  }

  for (const form of document.querySelectorAll("form[data-live]")) {
    const place = document.getElementById(form.dataset.live);
    let asked = null;
    form.addEventListener("input", function () {
      if (asked) asked.abort();
      asked = new AbortController();
      const words = new URLSearchParams(new FormData(form));
      history.replaceState(null, "", form.action + "?" + words);
      fill(place, partOf(form.action, words), asked.signal).catch(function () {});
    });
  }
})();
