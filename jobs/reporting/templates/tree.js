// Opens, closes and searches the tree of classes. Without it everything is open and in its place.
(function () {
  'use strict';
  var tree = document.getElementById('tree'), sought = document.getElementById('sought'), hits = document.getElementById('hits');
  var items = Array.prototype.slice.call(tree.querySelectorAll('[role=treeitem]'));
  var MANY = 60;

  function above(item) { return item.parentElement.closest('[role=treeitem]'); }
  function setOpen(item, open) {
    if (item.hasAttribute('aria-expanded')) { item.setAttribute('aria-expanded', String(open)); }
  }
  function isOpen(item) { return item.getAttribute('aria-expanded') === 'true'; }
  function shown() { return items.filter(function (item) { return item.checkVisibility(); }); }
  function enter(item, focus) {
    items.forEach(function (other) { other.tabIndex = other === item ? 0 : -1; });
    if (focus && item) { item.focus(); }
  }
  function settle() {
    var visible = shown();
    if (!visible.some(function (item) { return item.tabIndex === 0; }) && visible.length) { enter(visible[0], false); }
  }
  function setAll(open) {
    items.forEach(function (item) { setOpen(item, open || !above(item)); });
    settle();
  }
  function search() {
    var text = sought.value.trim().toLowerCase(), count = 0;
    items.forEach(function (item) { item.hidden = text !== ''; item.classList.remove('hit'); });
    items.forEach(function (item) {
      var node = item.querySelector('.node'), code = node.querySelector('code');
      var words = node.querySelector('.name').textContent + ' ' + (code ? code.textContent : '');
      if (text === '' || words.toLowerCase().indexOf(text) < 0) { return; }
      count += 1;
      item.classList.add('hit');
      item.querySelectorAll('[role=treeitem]').forEach(function (below) { below.hidden = false; });
      for (var up = item; up; up = above(up)) { up.hidden = false; if (up !== item) { setOpen(up, true); } }
    });
    hits.textContent = text === '' ? '' : count === 1 ? '1 place' : count + ' places';
    settle();
  }
  function press(event) {
    var item = event.target.closest('[role=treeitem]'), visible = shown(), at = visible.indexOf(item), next = null;
    if (!item || event.altKey || event.ctrlKey || event.metaKey) { return; }
    if (event.key === 'ArrowDown') { next = visible[at + 1]; }
    else if (event.key === 'ArrowUp') { next = visible[at - 1]; }
    else if (event.key === 'Home') { next = visible[0]; }
    else if (event.key === 'End') { next = visible[visible.length - 1]; }
    else if (event.key === 'ArrowRight') {
      if (item.hasAttribute('aria-expanded') && !isOpen(item)) { setOpen(item, true); } else if (isOpen(item)) { next = visible[at + 1]; }
    } else if (event.key === 'ArrowLeft') {
      if (isOpen(item)) { setOpen(item, false); } else { next = above(item); }
    } else if (event.key === 'Enter' || event.key === ' ') { setOpen(item, !isOpen(item)); }
    else { return; }
    event.preventDefault();
    if (next) { enter(next, true); }
  }

  tree.addEventListener('keydown', press);
  tree.addEventListener('click', function (event) {
    var node = event.target.closest('.node');
    if (node) { setOpen(node.parentElement, !isOpen(node.parentElement)); enter(node.parentElement, true); }
  });
  sought.addEventListener('input', search);
  document.getElementById('open-all').addEventListener('click', function () { setAll(true); });
  document.getElementById('close-all').addEventListener('click', function () { setAll(false); });
  if (items.length > MANY) { setAll(false); }
  settle();
})();
