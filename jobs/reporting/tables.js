// Draws the tables of Great Expectations' index page, which asks jQuery for `bootstrapTable`: rows with their links, a
// search over all columns, and a sort by each heading. Cells are HTML that its templates made.
(function ($) {
  function order(column) {
    var field = column.sortName || column.field;
    return function (one, other) {
      var a = one[field], b = other[field];
      return a < b ? -1 : a > b ? 1 : 0;
    };
  }

  function line(columns, row, links) {
    var tr = $('<tr>').toggleClass('clickable-row', links).data('href', row._table_row_link_path);
    columns.forEach(function (column) {
      tr.append($('<td>').html(row[column.field] === undefined || row[column.field] === null ? '' : row[column.field]));
    });
    if (links) {
      tr.css('cursor', 'pointer').children().first().append($('<a class="sr-only sr-only-focusable">').attr('href', row._table_row_link_path).text('open'));
    }
    return tr;
  }

  function draw(table, asked) {
    var links = asked.rowAttributes === 'rowAttributesLinks', body = $('<tbody>'), head = $('<tr>');
    function fill(rows) {
      body.empty().append(rows.map(function (row) { return line(asked.columns, row, links); }));
    }
    asked.columns.forEach(function (column) {
      var down = false, button = $('<button type="button" class="btn btn-link p-0">').html(column.title);
      button.on('click', function () {
        down = !down;
        asked.data.sort(order(column));
        fill(down ? asked.data : asked.data.slice().reverse());
      });
      head.append($('<th scope="col">').append(button));
    });
    table.addClass('table table-hover').empty().append($('<thead>').append(head), body).wrap('<div class="table-responsive">');
    fill(asked.data);
    body.on('click', 'tr', function (event) {
      if (links && !$(event.target).closest('a').length) { window.location = $(this).data('href'); }
    });
    if (asked.search === 'true') {
      var box = $('<input type="search" class="form-control form-control-sm mb-2" aria-label="Search" placeholder="Search">');
      box.on('input', function () {
        var wanted = box.val().toLowerCase();
        body.children().each(function () { $(this).toggle($(this).text().toLowerCase().indexOf(wanted) >= 0); });
      });
      table.data('search', box).parent().before(box);
    }
  }

  $.fn.bootstrapTable = function (asked) {
    if (asked === 'resetSearch') {
      this.data('search') && this.data('search').val('').trigger('input');
    } else if (typeof asked === 'object') {
      draw(this, asked);
    }
    return this;
  };
})(jQuery);
